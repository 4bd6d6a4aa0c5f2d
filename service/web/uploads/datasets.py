"""Uploaded data sets in requests: where they are looked up, for whom, and for which analyses samples matter."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import Factor, factor_of_samples
from service.core.ground.problems import Samples
from service.errors import DatasetError, Location
from service.jobs.codec import decode, encode
from service.jobs.store.datasets import DatasetStore
from service.jobs.values import Payload
from service.operations.datasets import ReducedDataset
from service.operations.mapping.datasets import KeptDataset, Place, check_references, expand, references
from service.operations.table import BY_NAME

BYTES_A_NUMBER: Final = 20
"""Of a number in JSON, about: a data set is as large as the body that would hold it."""


@dataclass(frozen=True, slots=True)
class CallerDatasets:
    """The data sets that one caller may use; every method may wait for a disk.

    Attributes
    ----------
    store : DatasetStore
    tenant : str
    """

    store: DatasetStore
    tenant: str

    def size(self, name: str, places: list[Place]) -> int:
        """Bytes of JSON, about, that an analysis would read; raises what is wrong with an id."""
        check_references(places)
        numbers = 0
        for place in places:
            found = self.store.get(self.tenant, place.identity, (*place.at, "id"))
            sampled = place.takes_samples(factor_suffices=BY_NAME[name].moments_suffice)
            numbers += found.sample_numbers if sampled and found.sample_numbers else found.numbers
        return BYTES_A_NUMBER * numbers

    def expand(self, name: str, document: object) -> list[Place]:
        """Put what was kept of each data set into a request, and return where that was."""
        places = references(document)
        row = BY_NAME[name]
        expand(places, self._load, factor_suffices=row.moments_suffice, folds=row.takes_folds)
        return places

    def _load(self, identity: str, at: Location) -> KeptDataset:
        kept = unpacked(self.store.content(self.tenant, identity, at))
        if kept is None:
            raise DatasetError(at, "outdated")
        return kept


FACTOR_PARTS: Final = ("n", "x_mean", "y_mean", "scale", "r")


def packed(found: ReducedDataset) -> Payload:
    """Factor and samples as they are stored."""
    samples = found.samples
    content: dict[str, Any] = {name: getattr(found.factor, name) for name in FACTOR_PARTS}
    content["classes"] = None if found.classes is None else list(found.classes)
    if found.folds:
        content["folds"] = [{name: getattr(each, name) for name in FACTOR_PARTS} for each in found.folds]
    return encode(content if samples is None else {**content, "x": samples.x, "y": samples.y})


def unpacked(payload: Payload) -> KeptDataset | None:
    """Invert `packed`.

    Of what versions before 0.2 stored, moments, the factor is made anew from the samples; None if they were not kept:
    moments have lost the digits that a factor has.
    """
    content = decode(payload)
    classes = None if content["classes"] is None else tuple(content["classes"])
    samples = Samples(content["x"], content["y"]) if "x" in content else None
    if "r" in content:
        folds = tuple(Factor(**each) for each in content.get("folds", ()))
        return KeptDataset(Factor(**{name: content[name] for name in FACTOR_PARTS}), samples, classes, folds)
    if samples is None:
        return None
    targets = samples.y if classes is None else _one_hot(samples.y, classes)
    return KeptDataset(factor_of_samples(samples.x, targets), samples, classes)


def _one_hot(labels: FloatArray, classes: tuple[int, ...]) -> FloatArray:
    coded: FloatArray = (labels == np.array(classes)).astype(np.float64)
    return coded
