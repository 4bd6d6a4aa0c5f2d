"""Which losses of one output are convex, by their words."""

from collections.abc import Callable, Mapping
from typing import Final

from service.core.convex_losses.differences import HalfSquaredLoss, HuberLoss, QuantileLoss
from service.core.convex_losses.labelled import LogisticLoss, PoissonLoss, SquaredHingeLoss
from service.core.convex_losses.scalar import ScalarLoss
from service.core.ground.numbers.arrays import FloatArray
from service.vocabulary import Loss

LOSSES: Final[Mapping[Loss, Callable[[FloatArray, float | None], ScalarLoss]]] = {
    Loss.SQUARED: lambda y, _: HalfSquaredLoss(y),
    Loss.LOGISTIC: lambda y, _: LogisticLoss(y),
    Loss.SQUARED_HINGE: lambda y, _: SquaredHingeLoss(y),
    Loss.HUBER: lambda y, delta: HuberLoss(y, 1.0 if delta is None else delta),
    Loss.ABSOLUTE: lambda y, _: QuantileLoss(y, 0.5, 2.0),
    Loss.QUANTILE: lambda y, tau: QuantileLoss(y, 0.5 if tau is None else tau),
    Loss.POISSON: lambda y, _: PoissonLoss(y),
}
"""Losses of one output, as sums over samples; squared loss is halved."""
