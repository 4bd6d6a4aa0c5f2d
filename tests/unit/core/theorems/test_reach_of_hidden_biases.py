"""An offset that only hidden biases give takes a dimension of the hidden layers: what such a network separates."""

import numpy as np
import pytest

from service.core.ground.data.conditioned import moments_of
from service.core.ground.problems import Layer, Network, Problem, Samples
from service.core.landscapes import hypotheses as on
from service.core.theorems.infimum import SEPARATED
from service.vocabulary import Bias, Loss


def on_a_line(hidden: tuple[int, ...], bias: Bias, places: tuple[float, ...] = (-1.0, 0.0, 1.0)) -> Problem:
    """One class at each place of a line: an affine map separates them, one without offset only two of them."""
    samples = Samples(np.array(places)[:, None], np.eye(len(places)))
    network = Network(tuple(Layer(width) for width in (*hidden, len(places))), bias=bias)
    return Problem(network, moments_of(samples.x, samples.y), samples, loss=Loss.CROSS_ENTROPY)


@pytest.mark.parametrize(
    ("hidden", "bias", "separates"),
    [
        ((1,), Bias.HIDDEN, None),
        ((2,), Bias.HIDDEN, True),
        ((3, 1), Bias.HIDDEN, None),
        ((1, 3), Bias.HIDDEN, True),
        ((2, 2), Bias.HIDDEN, True),
        ((1,), Bias.ALL, True),
        ((1,), Bias.OUTPUT, True),
        ((1,), Bias.NONE, False),
        ((3,), Bias.NONE, False),
        ((), Bias.HIDDEN, False),
    ],
)
def test_three_classes_on_a_line(hidden: tuple[int, ...], bias: Bias, separates: bool | None) -> None:
    assert SEPARATED.check(on_a_line(hidden, bias)).holds is separates


def test_one_hidden_unit_with_its_bias_cannot_tell_the_middle_of_three_classes() -> None:
    # its outputs are multiples of one number: on one line through zero the middle class is never largest
    # for a positive and a negative number both, and the ends of the line have numbers of both signs or of one
    x = np.array([-1.0, 0.0, 1.0])
    rng = np.random.default_rng(3)
    for w, b, *a in rng.normal(size=(20_000, 5)):
        outputs = np.outer(w * x + b, a)
        assert not (np.argmax(outputs, axis=1) == np.arange(3)).all()


@pytest.mark.parametrize("hidden", [(1,), (2,), (3,), (4,), (2, 3)])
@pytest.mark.parametrize("bias", list(Bias))
def test_no_bottleneck_means_that_every_affine_map_is_reached(hidden: tuple[int, ...], bias: Bias) -> None:
    problem = on_a_line(hidden, bias, (-1.5, -0.5, 0.5, 1.5))
    # the rank of the maps that the network has, of which an output bias takes the offset away
    columns = problem.data.inputs + (bias is Bias.HIDDEN)
    assert on.NO_BOTTLENECK.check(problem).holds is (min(hidden) >= min(columns, problem.network.outputs))
