"""What a classification loss needs of the targets: labels in the form that the core computes with.

Logistic and exponential loss take -1 and +1, cross-entropy rows of probabilities; 0 and 1, and class integers,
are turned into them.
"""

from typing import Final

import numpy as np

from service.core.data_facts.labels import ONE_OUTPUT_LOSSES
from service.errors import InputError, Location
from service.operations.mapping.arrays import column_or_matrix
from service.operations.mapping.held_out import Output
from service.schemas import data as wire
from service.schemas.objective import Objective
from service.vocabulary import RELU_LOSSES, Convention, Loss, Task

AT: Location = ("data", "y")
LOSS: Location = ("objective", "loss")
NUMERIC: Final = frozenset({Loss.HUBER, Loss.ABSOLUTE, Loss.QUANTILE})
"""Losses beside squared ones whose targets are numbers on a scale, which `standardise` changes."""
ADDED: Final = NUMERIC | {Loss.POISSON}
"""Losses beside squared ones that are added over outputs."""
SIGNED: Final = ONE_OUTPUT_LOSSES | {Loss.SQUARED_HINGE}


def check(objective: Objective, *, relu: bool) -> None:
    """Refuse a loss that an analysis does not know, and parameters of another loss.

    Raises
    ------
    InputError
    """
    loss = objective.loss
    if loss in RELU_LOSSES:
        if not relu:
            known = ", ".join(one.value for one in Loss if one not in RELU_LOSSES)
            others = "other losses are for /v1/relu-minima, and in /v1/minima for one linear layer"
            raise InputError.at(LOSS, f"must be one of {known}: {others}")
        if objective.convention in (Convention.HALF_MEAN, Convention.HALF_SUM):
            detail = "must be mean, sum or torch: only squared errors are halved by a convention"
            raise InputError.at(("objective", "convention"), detail)
    for name, owner in (("delta", Loss.HUBER), ("tau", Loss.QUANTILE)):
        if getattr(objective, name) is not None and loss is not owner:
            raise InputError.at(("objective", name), f"belongs to the loss {owner.value} only")


def parameter_of(objective: Objective) -> float | None:
    """The parameter of the loss, if it has one."""
    return objective.delta if objective.loss is Loss.HUBER else objective.tau


def coded(data: wire.Data, loss: Loss, output: Output) -> wire.Data:
    """The data with targets that ``loss`` understands; other losses take them as they are.

    Raises
    ------
    InputError
        If a target is not a label, or the width of the output does not fit the loss.
    """
    if loss in SIGNED:
        if output.width != 1:
            raise InputError.at(output.at, f"must be 1: the loss {loss} is for two classes and one output")
        return _signed(data) if isinstance(data, wire.Samples) else data
    if loss is Loss.POISSON and isinstance(data, wire.Samples):
        counts = column_or_matrix(data.y, AT)
        if (counts < 0.0).any():
            raise InputError.at((*AT, int((counts < 0.0).any(axis=1).argmax())), "must be a count, at least 0")
    if loss is Loss.CROSS_ENTROPY:
        if output.width < 2:
            raise InputError.at(output.at, "must be at least 2: cross_entropy needs one output for each class")
        return _classes(data) if isinstance(data, wire.Samples) else data
    return data


def _signed(data: wire.Samples) -> wire.Samples:
    y = column_or_matrix(data.y, AT)
    labels = set(np.unique(y).tolist())
    if data.task is Task.CLASSIFICATION and len(labels) > 1:
        return data
    if y.shape[1] != 1 or not (labels <= {-1.0, 1.0} or labels <= {0.0, 1.0}):
        allowed = {-1.0, 1.0} if -1.0 in labels else {0.0, 1.0}
        wrong = next((row for row, values in enumerate(y.tolist()) if not set(values) <= allowed), 0)
        raise InputError.at((*AT, wrong), "must be a label: -1 or +1, or 0 or 1")
    signed = y[:, 0] if labels <= {-1.0, 1.0} else 2.0 * y[:, 0] - 1.0
    return data.model_copy(update={"y": signed.tolist(), "task": Task.REGRESSION})


def _classes(data: wire.Samples) -> wire.Samples:
    if data.task is Task.CLASSIFICATION or not isinstance(data.y[0], list):
        return data.model_copy(update={"task": Task.CLASSIFICATION})
    y = column_or_matrix(data.y, AT)
    wrong = np.flatnonzero((y < 0.0).any(axis=1) | (np.abs(y.sum(axis=1) - 1.0) > 1e-9))
    if len(wrong):
        raise InputError.at((*AT, int(wrong[0])), "must be probabilities that add up to 1, or one integer label")
    return data
