"""Uploaded data sets in requests: where they are looked up, for whom, and for which analyses samples matter."""

from dataclasses import dataclass
from typing import Any, Final

from service.core.problems import Moments, Samples
from service.errors import Location
from service.jobs.codec import decode, encode
from service.jobs.store.datasets import DatasetStore
from service.jobs.values import Payload
from service.operations.datasets import ReducedDataset
from service.operations.mapping.datasets import KeptDataset, Place, check_references, expand, references

MOMENTS_SUFFICE: Final = frozenset({"minima", "minima_batch", "diagnose", "sweeps"})
"""Analyses that learn nothing from samples under squared loss; the others use them where they were kept."""
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
            sampled = place.takes_samples(moments_suffice=name in MOMENTS_SUFFICE)
            numbers += found.sample_numbers if sampled and found.sample_numbers else found.numbers
        return BYTES_A_NUMBER * numbers

    def expand(self, name: str, document: object) -> list[Place]:
        """Put what was kept of each data set into a request, and return where that was."""
        places = references(document)
        expand(places, self._load, moments_suffice=name in MOMENTS_SUFFICE)
        return places

    def _load(self, identity: str, at: Location) -> KeptDataset:
        return unpacked(self.store.content(self.tenant, identity, at))


def packed(found: ReducedDataset) -> Payload:
    """Moments and samples as they are stored."""
    moments, samples = found.moments, found.samples
    content: dict[str, Any] = {
        "xx": moments.xx,
        "xy": moments.xy,
        "yy": moments.yy,
        "n": moments.n,
        "x_mean": moments.x_mean,
        "y_mean": moments.y_mean,
        "classes": None if found.classes is None else list(found.classes),
    }
    return encode(content if samples is None else {**content, "x": samples.x, "y": samples.y})


def unpacked(payload: Payload) -> KeptDataset:
    """Invert `packed`."""
    content = decode(payload)
    moments = Moments(**{name: content[name] for name in ("xx", "xy", "yy", "n", "x_mean", "y_mean")})
    samples = Samples(content["x"], content["y"]) if "x" in content else None
    return KeptDataset(moments, samples, None if content["classes"] is None else tuple(content["classes"]))
