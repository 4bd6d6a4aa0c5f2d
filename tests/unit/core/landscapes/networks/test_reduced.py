"""Frozen first layers and identities to the output: the loss of what is trained is that of a plainer network."""

from dataclasses import replace

import numpy as np
import pytest

from service.core.asked.landscape import summarise
from service.core.ground.data.moments import moments_of
from service.core.ground.problems import Layer, Network, Problem, Samples, Skip
from service.core.landscapes.networks.reduced import trained_part
from service.core.landscapes.networks.trained import start_of
from service.core.losses.dense import DenseParameters
from service.core.losses.nonlinear import loss_of
from service.vocabulary import Activation, Bias, Loss, Property, SkipKind

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(8, 3)), RNG.normal(size=(8, 3))
FROZEN = RNG.normal(size=(4, 3))


def posed(layers: tuple[Layer, ...], bias: Bias = Bias.OUTPUT, skips: tuple[Skip, ...] = ()) -> Problem:
    network = Network(layers, bias=bias, bias_weight_decays=(0.0,) * len(layers), skips=skips)
    return Problem(network, moments_of(X, Y), Samples(X, Y))


@pytest.mark.parametrize("activation", list(Activation))
def test_a_frozen_first_layer_makes_new_inputs(activation: Activation) -> None:
    slope = 0.1 if activation is Activation.LEAKY_RELU else None
    problem = posed((Layer(4, activation, slope, frozen_weights=FROZEN), Layer(5, Activation.TANH), Layer(3)))
    part = trained_part(problem)
    assert part.network.n_layers == 2
    assert part.samples is not None
    for seed in range(3):
        point = start_of(part, seed)
        whole = DenseParameters((FROZEN, *point.weights), (None, *point.biases))
        behind = loss_of(part.network, Loss.SQUARED, point, part.samples)
        assert loss_of(problem.network, Loss.SQUARED, whole, Samples(X, Y)) == pytest.approx(behind, rel=1e-12)


def test_frozen_features_leave_a_convex_last_layer() -> None:
    problem = posed((Layer(4, Activation.RELU, frozen_weights=FROZEN), Layer(3)))
    verdicts = summarise(problem).verdicts
    assert verdicts[Property.NO_SPURIOUS_LOCAL_MINIMA].value is True
    assert "R00" in verdicts[Property.NO_SPURIOUS_LOCAL_MINIMA].because
    assert verdicts[Property.MINIMUM_ATTAINED].value is True


def test_a_frozen_first_layer_of_a_linear_network_is_no_obstacle() -> None:
    problem = posed((Layer(4, frozen_weights=FROZEN), Layer(1), Layer(3)))
    verdicts = summarise(problem).verdicts
    assert verdicts[Property.NO_SPURIOUS_VALLEYS].value is True
    assert verdicts[Property.ALL_SADDLES_STRICT].value is True


def test_an_identity_to_the_output_moves_the_targets() -> None:
    problem = posed((Layer(5, Activation.RELU), Layer(3)), Bias.ALL, (Skip(0, 2, SkipKind.IDENTITY),))
    part = trained_part(problem)
    assert not part.network.skips
    assert part.samples is not None
    assert np.allclose(part.samples.y, Y - X)
    verdicts = summarise(problem).verdicts
    assert verdicts[Property.NO_BAD_BASINS].value is True
    assert verdicts[Property.SPURIOUS_MINIMA_EXIST].value is True


@pytest.mark.parametrize(
    "kept",
    [
        posed((Layer(4, Activation.RELU, frozen_weights=FROZEN), Layer(3)), Bias.ALL),
        posed((Layer(4, Activation.RELU, noise_variance=0.1, frozen_weights=FROZEN), Layer(3))),
        posed((Layer(5, Activation.RELU), Layer(3)), skips=(Skip(0, 2, SkipKind.TRAINABLE),)),
        replace(
            posed((Layer(5, Activation.RELU), Layer(3)), skips=(Skip(0, 2, SkipKind.IDENTITY),)), loss=Loss.LOGISTIC
        ),
        posed((Layer(5, Activation.RELU), Layer(3))),
    ],
)
def test_what_cannot_be_taken_off_stays(kept: Problem) -> None:
    assert trained_part(kept) is kept
