"""The class of the zero network: what is claimed of it, and what is left open."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from service.core.ground.data.moments import moments_of
from service.core.ground.problems import Layer, Network, Problem, Samples, Skip
from service.core.landscapes.origin import origin_by_rules
from service.vocabulary import Activation, Bias, PointClass, SkipKind

RNG = np.random.default_rng(4)
X = RNG.normal(size=(12, 2))
Y = X @ RNG.normal(size=(2, 1)) + 0.2 * RNG.normal(size=(12, 1))


def problem(*layers: Layer, **changes: object) -> Problem:
    """A network on a few samples."""
    network = replace(Network(layers, 0.0, Bias.NONE, ()), **changes)  # type: ignore[arg-type]  # fields of a network
    return Problem(network, moments_of(X, Y), Samples(X, Y))


def relu(decay: float = 0.05) -> tuple[Layer, ...]:
    hidden = Layer(3, Activation.RELU, weight_decay=decay)
    return hidden, hidden, Layer(1, weight_decay=decay)


def linear(*decays: float) -> tuple[Layer, ...]:
    return (*(Layer(3, weight_decay=decay) for decay in decays[:-1]), Layer(1, weight_decay=decays[-1]))


def frozen(place: int) -> Callable[[tuple[Layer, ...]], tuple[Layer, ...]]:
    def change(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
        widths = [2, *(layer.width for layer in layers)]
        fixed = np.ones((widths[place + 1], widths[place]))
        return tuple(
            replace(layer, frozen_weights=fixed, weight_decay=0.0) if index == place else layer
            for index, layer in enumerate(layers)
        )

    return change


def test_decayed_relu_networks_have_a_strict_minimum_at_zero() -> None:
    found = origin_by_rules(problem(*relu()))
    assert "R14" in found.because
    assert found.least_hessian_eigenvalue == pytest.approx(0.1)


@pytest.mark.parametrize("layers", [relu(), linear(0.05, 0.05, 0.05)], ids=["relu", "linear"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_nothing_is_claimed_of_frozen_layers(layers: tuple[Layer, ...], place: int) -> None:
    found = origin_by_rules(problem(*frozen(place)(layers)))
    assert (found.point_class, found.because) == (None, ())
    assert "frozen layers" in found.reason
    assert found.least_hessian_eigenvalue is None


@pytest.mark.parametrize("layers", [relu(), linear(0.05, 0.05, 0.05)], ids=["relu", "linear"])
@pytest.mark.parametrize("kind", [SkipKind.IDENTITY, SkipKind.TRAINABLE])
def test_nothing_is_claimed_of_skips(layers: tuple[Layer, ...], kind: SkipKind) -> None:
    found = origin_by_rules(problem(*layers, skips=(Skip(1, 2, kind),)))
    assert (found.point_class, found.because) == (None, ())


@pytest.mark.parametrize("bias", [Bias.ALL, Bias.HIDDEN, Bias.OUTPUT])
def test_nothing_is_claimed_of_biases(bias: Bias) -> None:
    found = origin_by_rules(problem(*relu(), bias=bias, bias_weight_decays=(0.0, 0.0, 0.0)))
    assert (found.point_class, found.because) == (None, ())
    assert "biases" in found.reason


@pytest.mark.parametrize(
    "layers",
    [
        pytest.param((relu()[0], relu()[2]), id="one hidden layer"),
        pytest.param((replace(relu()[0], weight_decay=0.0), *relu()[1:]), id="a layer without decay"),
        pytest.param((replace(relu()[0], noise_variance=0.3), *relu()[1:]), id="noise"),
        pytest.param((replace(relu()[0], activation=Activation.SIGMOID), *relu()[1:]), id="values at zero"),
    ],
)
def test_each_condition_of_the_strict_minimum_is_needed(layers: tuple[Layer, ...]) -> None:
    found = origin_by_rules(problem(*layers))
    # two layers have a rule of their own
    assert found.because in ((), ("R14c",))
    assert (found.point_class is None) == (not found.because)


@pytest.mark.parametrize(
    ("decays", "expected", "because"),
    [
        ((0.0,), PointClass.NOT_STATIONARY, ("R00",)),
        ((0.0, 0.0, 0.0), PointClass.NON_STRICT_SADDLE, ("R08c",)),
        ((0.1, 0.0, 0.0), PointClass.NON_STRICT_SADDLE, ()),
        ((0.1, 0.1, 0.0), PointClass.LOCAL_MINIMUM, ()),
        ((0.001, 0.001, 0.001), PointClass.LOCAL_MINIMUM, ("R14",)),
        ((9.0, 9.0, 9.0), None, ("R14",)),
    ],
)
def test_linear_networks_by_the_number_of_decayed_layers(
    decays: tuple[float, ...], expected: PointClass | None, because: tuple[str, ...]
) -> None:
    found = origin_by_rules(problem(*linear(*decays)))
    assert (found.point_class, found.because) == (expected, because)
    assert found.point_class is not None or found.reason


def test_zero_is_the_minimum_where_the_data_pull_nowhere() -> None:
    x = np.array([[1.0], [-1.0]])
    even = Problem(Network(linear(0.1, 0.1, 0.1)), moments_of(x, np.ones((2, 1))), Samples(x, np.ones((2, 1))))
    assert origin_by_rules(even).point_class is PointClass.GLOBAL_MINIMUM
