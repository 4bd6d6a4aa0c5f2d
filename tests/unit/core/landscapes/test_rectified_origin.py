"""The origin of two decayed rectified layers, and where decay switches every unit off."""

import numpy as np
import pytest

from service.core.asked.landscape import summarise
from service.core.ground.problems import Layer, Network, Problem, Samples
from service.core.landscapes.cases import on
from service.core.landscapes.rectified_pull import rectified_pull
from service.core.losses.dense import DenseParameters
from service.core.losses.nonlinear import loss_of
from service.core.relu.critical import critical_beta
from service.core.relu.form import form_of
from service.vocabulary import Activation, Loss, PointClass


def problem(scale: float = 1.0, outputs: int = 1, loss: Loss = Loss.SQUARED, inputs: int = 2, seed: int = 0) -> Problem:
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((9, inputs)), rng.standard_normal((9, outputs))
    if loss is Loss.LOGISTIC:
        y = np.where(y > 0.0, 1.0, -1.0)
    layers = (Layer(5, Activation.RELU, weight_decay=0.02 * scale), Layer(outputs, weight_decay=0.05 * scale))
    return on(Problem(Network(layers), None, loss=loss), Samples(x, y))


@pytest.mark.parametrize("loss", [Loss.SQUARED, Loss.LOGISTIC])
@pytest.mark.parametrize("inputs", [1, 2, 3])
def test_the_critical_decay_is_that_of_the_certified_search(loss: Loss, inputs: int) -> None:
    asked = problem(loss=loss, inputs=inputs)
    pull, form = rectified_pull(asked), form_of(asked)
    assert pull is not None
    critical = critical_beta(form.objective, 20_000)
    assert pull.value / pull.threshold == pytest.approx(critical.value / form.objective.beta, rel=1e-7)
    thresholds = summarise(asked, {}).thresholds
    assert thresholds is not None
    assert thresholds.critical_decay_scale == pytest.approx(pull.value / pull.threshold, rel=1e-12)


@pytest.mark.parametrize("loss", [Loss.SQUARED, Loss.LOGISTIC])
def test_the_origin_is_a_saddle_below_and_the_minimum_above(loss: Loss) -> None:
    pull = rectified_pull(problem(loss=loss))
    assert pull is not None
    scale = pull.value / pull.threshold
    below, above = problem(0.98 * scale, loss=loss), problem(1.02 * scale, loss=loss)
    assert summarise(below, {}).origin.point_class is PointClass.STRICT_SADDLE
    assert summarise(above, {}).origin.point_class is PointClass.GLOBAL_MINIMUM
    rng = np.random.default_rng(1)
    for asked, goes_below in ((below, True), (above, False)):
        samples = asked.samples
        assert samples is not None
        zero = DenseParameters.without_biases([np.zeros((5, 2)), np.zeros((1, 5))])
        at_zero = loss_of(asked.network, asked.loss, zero, samples)
        found = []
        for angle in np.linspace(0.0, 2.0 * np.pi, 181):
            for sign in (1.0, -1.0):
                first, second = np.zeros((5, 2)), np.zeros((1, 5))
                # balanced: the first layer decays less, so that its weights are longer
                first[0], second[0, 0] = (
                    0.05 * (2.5**0.25) * np.array([np.cos(angle), np.sin(angle)]),
                    0.05 * sign / 2.5**0.25,
                )
                found.append(
                    loss_of(asked.network, asked.loss, DenseParameters.without_biases([first, second]), samples)
                )
        found += [
            loss_of(
                asked.network,
                asked.loss,
                DenseParameters.without_biases([rng.standard_normal((5, 2)), rng.standard_normal((1, 5))]),
                samples,
            )
            for _ in range(50)
        ]
        assert (min(found) < at_zero) == goes_below


def test_several_outputs_are_decided_where_their_bounds_are() -> None:
    assert summarise(problem(1e-2, outputs=3), {}).origin.point_class is PointClass.STRICT_SADDLE
    assert summarise(problem(1e3, outputs=3), {}).origin.point_class is PointClass.GLOBAL_MINIMUM
