"""The objective of a certified ReLU network as arguments of a plan, and back: one list, that of its fields."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

import numpy as np

from service.core.convex_losses.table import LOSSES
from service.core.ground.numbers.arrays import FloatArray
from service.core.relu.networks import Objective
from service.operations.plans.plan import Arrays, Json
from service.vocabulary import Loss

_TARGETS: Final = "y"


def to_arguments(
    objective: Objective, loss: Loss, parameter: float | None
) -> tuple[dict[str, Json], dict[str, FloatArray]]:
    """Numbers and arrays, (n, d), (n, r) and (n,), of an objective; of its loss the word, parameter and targets."""
    numbers: dict[str, Json] = {"loss": loss.value, "parameter": parameter}
    arrays = {_TARGETS: objective.loss.y}
    for field in fields(Objective):
        value = getattr(objective, field.name)
        if isinstance(value, np.ndarray):
            arrays[field.name] = value
        elif field.name != "loss":
            numbers[field.name] = float(value)
    return numbers, arrays


def from_arguments(numbers: Mapping[str, Json], arrays: Arrays) -> Objective:
    """Invert `to_arguments`."""
    values: dict[str, Any] = {}
    for field in fields(Objective):
        if field.name == "loss":
            targets = np.asarray(arrays[_TARGETS], dtype=np.float64)
            values[field.name] = LOSSES[Loss(numbers["loss"])](targets, numbers["parameter"])
        elif field.name in arrays:
            values[field.name] = np.asarray(arrays[field.name], dtype=np.float64)
        else:
            values[field.name] = float(numbers[field.name])
    return Objective(**values)
