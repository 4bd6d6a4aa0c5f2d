"""Up to which gap a point is the global minimum: relative to its loss, and for tiny losses to the targets."""

from dataclasses import replace

import numpy as np
import pytest

from service.core.ground.problems import Layer, Moments, Network, Problem
from service.core.losses.dense import DenseParameters
from service.core.points.classes import Curvature, classify, closed_gap
from service.vocabulary import PointClass

WEIGHTS = DenseParameters.without_biases([np.eye(2), np.eye(2)])
NETWORK = Network((Layer(2, weight_decay=0.1), Layer(2, weight_decay=0.1)))


def with_targets_of(yy: float) -> Problem:
    scale = np.sqrt(yy / 5.0)
    return Problem(NETWORK, Moments(np.eye(2), scale * np.diag([2.0, 1.0]), yy))


@pytest.mark.parametrize("yy", [1e-6, 5.0, 1e8])
def test_a_gap_is_relative_to_the_loss_or_a_millionth_of_the_targets(yy: float) -> None:
    problem = with_targets_of(yy)
    assert closed_gap(problem, yy) == pytest.approx(1e-8 * yy)
    assert closed_gap(problem, 1e-6 * yy) == pytest.approx(1e-14 * yy)
    for tiny in (0.0, 1e-9 * yy, -1e-12 * yy):
        assert closed_gap(problem, tiny) == pytest.approx(1e-14 * yy)


def test_the_boundary_belongs_to_the_minimum() -> None:
    problem = with_targets_of(5.0)
    convex = Curvature(1.0, None, 1e-9, {"positive": 8, "negative": 0, "zero": 0}, None)
    saddle = replace(convex, least=-1.0)
    for loss in (1e-9, 2.0):
        edge = closed_gap(problem, loss)
        at = classify(problem, WEIGHTS, saddle, loss, edge)
        assert at.point_class is PointClass.GLOBAL_MINIMUM
        beyond = classify(problem, WEIGHTS, saddle, loss, float(np.nextafter(edge, 1.0)))
        assert beyond.point_class is PointClass.STRICT_SADDLE
    assert classify(problem, WEIGHTS, saddle, 1.0, None).point_class is PointClass.STRICT_SADDLE
