"""Labels of a classification task as targets of a squared loss."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.errors import InputError, Location


@dataclass(frozen=True)
class Coding:
    """How labels become targets: one-hot in sorted order, or -1 and +1 for one output.

    Attributes
    ----------
    classes : tuple of int
        Labels, ascending; some may occur in no sample.
    outputs : int
        ``len(classes)``, or 1 with two classes.
    """

    classes: tuple[int, ...]
    outputs: int

    @cached_property
    def _labels(self) -> FloatArray:
        return np.array(self.classes, dtype=np.float64)

    def is_coded(self, y: FloatArray) -> bool:
        """Whether targets (n, k) are numbers in this coding already rather than labels."""
        if y.shape[1] != 1 or self.outputs > 1:
            return bool(y.shape[1] > 1)
        return bool((~np.isin(y, self._labels)).any() and (np.abs(y) <= 1.0).all())

    def encode(self, y: FloatArray, at: Location) -> FloatArray:
        """Targets (n, outputs) of labels (n, 1); `InputError` at ``at`` for a label that is not a class."""
        labels = y[:, 0]
        index = np.minimum(np.searchsorted(self._labels, labels), len(self.classes) - 1)
        unknown = np.flatnonzero(self._labels[index] != labels)
        if y.shape[1] != 1 or len(unknown):
            position = (*at, int(unknown[0])) if len(unknown) else at
            raise InputError.at(position, "must be a label that occurs in data.y, or the index of an output")
        if self.outputs == 1:
            return (2.0 * index - 1.0)[:, np.newaxis]
        targets = np.zeros((len(labels), self.outputs))
        targets[np.arange(len(labels)), index] = 1.0
        return targets


def coding_of(y: FloatArray, outputs: int, at: Location, outputs_at: Location) -> Coding:
    """The coding of labels ``y`` (n, 1) for a network with ``outputs`` outputs.

    As many labels as outputs are distinguished in sorted order.  Fewer must be numbers of outputs, from 0, or for one
    output 0, 1 or -1: few samples need not have all classes.

    Raises
    ------
    InputError
        If a label is not an integer, or the width of the output does not fit.
    """
    if y.shape[1] != 1:
        raise InputError.at(at, "must hold one integer label a sample")
    fractional = np.flatnonzero((y[:, 0] != np.rint(y[:, 0])) | (np.abs(y[:, 0]) > 2.0**53))
    if len(fractional):
        raise InputError.at((*at, int(fractional[0])), "must be an integer label")
    met = tuple(int(label) for label in np.unique(y[:, 0]))
    wanted = max(outputs, 2)
    if len(met) == wanted:
        return Coding(met, outputs)
    if len(met) < wanted:
        numbers = tuple(range(wanted))
        for classes in (numbers, (-1, 1)) if outputs == 1 else (numbers,):
            if set(met) <= set(classes):
                return Coding(classes, outputs)
    if len(met) == 1:
        raise InputError.at(at, "must hold at least two classes, or indices of outputs, from 0")
    width = "1 or 2" if len(met) == 2 else str(len(met))
    hint = ": a class may be absent only if the labels are indices of outputs, from 0" if len(met) < wanted else ""
    raise InputError.at(outputs_at, f"must be {width}: the labels have {len(met)} classes{hint}")
