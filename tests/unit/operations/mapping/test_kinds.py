"""The same numbers as samples, as a factor and as an upload: the same answer to the last digit that they have."""

import io
import math
from typing import Any

import numpy as np
import pytest

from service.core.ground.numbers.arrays import FloatArray
from service.operations.datasets import reduce_upload
from service.operations.mapping.datasets import KeptDataset, expand, references
from service.operations.minima import minima, parse
from service.operations.uploads.formats import FORMAT_BY_NAME
from service.schemas.datasets import UploadOptions
from service.schemas.minima import MinimaAnswer
from service.settings import Limits, UploadLimits
from tests.support.tables import KINDS

NETWORKS: dict[str, dict[str, Any]] = {
    "one layer": {"layers": [{"width": 1}], "bias": "output"},
    "three layers": {"layers": [{"width": 2}, {"width": 2}, {"width": 1}], "bias": "output"},
    "two decayed layers": {
        "layers": [{"width": 2, "weight_decay": 1e-6}, {"width": 1, "weight_decay": 1e-6}],
        "bias": "output",
    },
    "decay alone": {"layers": [{"width": 1, "weight_decay": 1e-3}]},
}


def answered(data: dict[str, Any], network: dict[str, Any]) -> MinimaAnswer:
    return minima(parse({"network": network, "data": data}).request, Limits())


def uploaded(table: FloatArray, form: str, **options: Any) -> dict[str, Any]:
    stream = io.BytesIO()
    if form == "npy":
        np.save(stream, table)
    else:
        stream.write("\n".join(",".join(map(repr, row)) for row in table.tolist()).encode())
    stream.seek(0)
    found = reduce_upload(stream, FORMAT_BY_NAME[form], UploadOptions(**options), UploadLimits())
    asked = {"data": {"kind": "dataset", "id": "0"}}
    kept = KeptDataset(found.factor, found.samples, found.classes)
    expand(references(asked), lambda _identity, _at: kept, factor_suffices=True)
    return asked["data"]


def last_digit(table: FloatArray, answer: MinimaAnswer) -> float:
    """What rounding the map's numbers to double precision may change the loss by, on these numbers."""
    minimum = answer.global_minimum
    reach = np.abs(table[:, :-1]) @ np.abs(np.array(minimum.end_to_end_map)).T + np.abs(minimum.output_offset or [0.0])
    rounding = 4e-16 * float(np.max(reach) + np.max(np.abs(table[:, -1])))
    return rounding * (2.0 * math.sqrt(minimum.loss) + rounding)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_upload_is_answered_as_its_samples(kind: str, network: str) -> None:
    table = KINDS[kind](np.random.default_rng(7), 400)
    samples = {"kind": "samples", "x": table[:, :-1].tolist(), "y": table[:, -1].tolist()}
    expected = answered(samples, NETWORKS[network])
    off = last_digit(table, expected)
    for form in ("csv", "npy"):
        found = answered(uploaded(table, form), NETWORKS[network])
        assert found.data.kind == "factor"
        assert found.global_minimum.loss == pytest.approx(expected.global_minimum.loss, rel=1e-13, abs=off)
        # neither contradicts the other, but for the rounding of the factor that is kept of a file
        for one, other in ((found.certificate, expected.certificate), (expected.certificate, found.certificate)):
            assert one.lower_bound <= other.upper_bound * (1.0 + 1e-13) + off


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"dummies"}))
def test_standardised_samples_are_a_standardised_upload(kind: str) -> None:
    table = KINDS[kind](np.random.default_rng(7), 400)
    samples = {"kind": "samples", "x": table[:, :-1].tolist(), "y": table[:, -1].tolist(), "standardise": True}
    for network in NETWORKS.values():
        found, expected = answered(uploaded(table, "npy", standardise=True), network), answered(samples, network)
        assert found.global_minimum.loss == pytest.approx(expected.global_minimum.loss, rel=1e-10, abs=1e-14)
