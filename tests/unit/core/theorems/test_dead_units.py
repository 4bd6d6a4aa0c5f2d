"""Silent ReLU networks under every loss: each verdict against a witness, and against a search."""

import numpy as np
import pytest
from scipy.optimize import minimize

from service.core.catalogue import LANDSCAPE_RULES
from service.core.ground.data.moments import moments_of
from service.core.ground.problems import Layer, Network, Problem, Samples
from service.core.landscapes.networks.silent_networks import silent_errors, silent_output
from service.core.landscapes.verdicts import apply, rulings
from service.core.landscapes.witnesses.table import witnesses
from service.core.losses.nonlinear import loss_of
from service.core.pictures.objective import objective_of, shape_of
from service.core.theorems.dead_units import ANY_LOSS, IMPROVABLE
from service.vocabulary import Activation, Bias, Loss, Property

LOSSES = (Loss.SQUARED, Loss.WEIGHTED_SQUARED, Loss.LOGISTIC, Loss.EXPONENTIAL, Loss.CROSS_ENTROPY)


def problem(
    loss: Loss, bias: Bias, *, seed: int = 0, depth: int = 1, sided: bool = False, repeated: bool = False, n: int = 9
) -> Problem:
    rng = np.random.default_rng(seed)
    outputs = 3 if loss is Loss.CROSS_ENTROPY else 2
    x = rng.normal(size=(n, 3))
    if repeated:
        x[n // 2 :] = x[: n - n // 2]
    if sided:
        x = np.abs(x) + 0.1
    y = rng.normal(size=(n, outputs))
    if loss is Loss.CROSS_ENTROPY:
        y = np.eye(outputs)[np.minimum(np.arange(n) // 2, outputs - 1)]
    elif loss in (Loss.LOGISTIC, Loss.EXPONENTIAL):
        y = np.where(y > np.median(y, axis=0), 1.0, -1.0)
    weights = rng.uniform(0.5, 2.0, size=y.shape) if loss is Loss.WEIGHTED_SQUARED else None
    layers = (*(Layer(4, Activation.RELU) for _ in range(depth)), Layer(outputs))
    network = Network(layers, bias=bias, bias_weight_decays=(0.0,) * len(layers))
    return Problem(network, moments_of(x, y), Samples(x, y, weights), loss)


def rest(posed: Problem) -> float:
    """Loss of the silent network."""
    assert posed.samples is not None
    output = silent_output(posed, posed.samples)
    assert output is not None
    like = shape_of(posed)
    biases = tuple(None if row is None else np.zeros_like(row) for row in like.biases)
    if biases[-1] is not None:
        biases = (*biases[:-1], output)
    point = type(like)(tuple(np.zeros_like(weight) for weight in like.weights), biases)
    return float(loss_of(posed.network, posed.loss, point, posed.samples))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("bias", "sided"), [(Bias.ALL, False), (Bias.HIDDEN, False), (Bias.NONE, True), (Bias.OUTPUT, True)]
)
@pytest.mark.parametrize("depth", [1, 2])
def test_a_bad_minimum_is_shown_by_a_witness(loss: Loss, bias: Bias, sided: bool, depth: int) -> None:
    posed = problem(loss, bias, depth=depth, sided=sided)
    (rule,) = apply([ANY_LOSS], posed)
    assert rule.applies is True
    found = apply(LANDSCAPE_RULES, posed)
    assert rulings(found)[Property.SPURIOUS_MINIMA_EXIST].value is True
    if loss is Loss.WEIGHTED_SQUARED or (loss is Loss.SQUARED and bias is Bias.ALL):
        # the one has no witnesses, the other one of its own
        return
    (shown,) = [one for one in witnesses(posed, found) if one.construction.id == "W14"]
    assert shown.verified.holds, shown.verified.numbers


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("bias", [Bias.ALL, Bias.HIDDEN, Bias.NONE])
def test_errors_vanish_on_average_at_the_best_constant_alone(loss: Loss, bias: Bias) -> None:
    posed = problem(loss, bias, sided=True)
    assert posed.samples is not None
    output = silent_output(posed, posed.samples)
    assert output is not None
    errors = silent_errors(posed, output, posed.samples)
    assert bool(np.abs(errors.mean(axis=0)).max() < 1e-12) is (bias is Bias.ALL)


@pytest.mark.parametrize("loss", [Loss.SQUARED, Loss.LOGISTIC, Loss.EXPONENTIAL, Loss.CROSS_ENTROPY])
@pytest.mark.parametrize("bias", [Bias.ALL, Bias.HIDDEN])
def test_where_the_constant_is_best_no_training_beats_it(loss: Loss, bias: Bias) -> None:
    base = problem(loss, bias)
    x = np.repeat(np.random.default_rng(1).normal(size=(3, 3)), 6, axis=0)
    if loss is Loss.CROSS_ENTROPY:
        y = np.eye(3)[np.tile([0, 1, 2, 0, 1, 2], 3)]
    else:
        y = np.tile([[1.0, -1.0], [-1.0, 1.0]], (9, 1))
    posed = Problem(base.network, moments_of(x, y), Samples(x, y), loss)
    assert IMPROVABLE.check(posed).holds is False
    lowest = rest(posed)
    objective = objective_of(posed)
    size = sum(part.size for part in (*shape_of(posed).weights, *shape_of(posed).biases) if part is not None)
    for seed in range(5):
        start = np.random.default_rng(seed).normal(size=size)
        assert minimize(objective.slope, start, jac=True, method="L-BFGS-B").fun >= lowest - 1e-9


@pytest.mark.parametrize("loss", [Loss.LOGISTIC, Loss.EXPONENTIAL, Loss.CROSS_ENTROPY])
def test_repeated_inputs_with_other_labels_are_averaged(loss: Loss) -> None:
    posed = problem(loss, Bias.ALL, repeated=True, n=12)
    assert IMPROVABLE.check(posed).holds is True


def test_a_label_that_does_not_occur_has_no_best_constant() -> None:
    posed = problem(Loss.LOGISTIC, Bias.ALL)
    assert posed.samples is not None
    one_label = Samples(posed.samples.x, np.ones_like(posed.samples.y))
    found = IMPROVABLE.check(Problem(posed.network, posed.moments, one_label, Loss.LOGISTIC))
    assert found.holds is False
    assert "does not occur" in found.reason


def test_inputs_on_both_sides_need_biases() -> None:
    for bias in (Bias.NONE, Bias.OUTPUT):
        assert apply([ANY_LOSS], problem(Loss.LOGISTIC, bias))[0].applies is False
