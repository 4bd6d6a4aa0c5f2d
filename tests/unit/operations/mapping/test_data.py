"""Data of every kind lead to the moments that they have."""

from typing import Any

import numpy as np
import pytest

from service.errors import InputError, LimitExceeded
from service.operations.mapping.problem import to_core
from service.operations.minima import parse
from service.settings import Limits

RNG = np.random.default_rng(11)
X = RNG.normal(size=(20, 3)) + 5.0
LABELS = RNG.integers(0, 3, size=20) * 2 - 1


def mapped(data: dict[str, Any], outputs: int = 1, limits: Limits | None = None) -> Any:
    network = {"layers": [{"width": 2, "weight_decay": 0.1}, {"width": outputs, "weight_decay": 0.1}]}
    return to_core(parse({"network": network, "data": data}).request.problem, limits or Limits())


def test_samples_become_their_moments() -> None:
    y = RNG.normal(size=(20, 2))
    moments = mapped({"kind": "samples", "x": X.tolist(), "y": y.tolist()}, 2).core.moments
    np.testing.assert_allclose(moments.xx, X.T @ X / 20, rtol=1e-12)
    np.testing.assert_allclose(moments.xy, X.T @ y / 20, rtol=1e-12)
    assert moments.yy == pytest.approx(float(np.mean(np.sum(y**2, axis=1))))
    assert moments.n == 20
    np.testing.assert_allclose(moments.x_mean, X.mean(axis=0))


def test_labels_become_one_hot_targets_in_sorted_order() -> None:
    found = mapped({"kind": "samples", "x": X.tolist(), "y": LABELS.tolist(), "task": "classification"}, 3)
    assert found.data.classes == (-1, 1, 3)
    np.testing.assert_array_equal(found.core.samples.y, (LABELS[:, None] == [-1, 1, 3]).astype(float))


@pytest.mark.parametrize("outputs", [1, 2])
def test_two_classes_are_signs_or_one_hot(outputs: int) -> None:
    labels = (LABELS > 0).astype(int) + 4
    data = {"kind": "samples", "x": X.tolist(), "y": labels.tolist(), "task": "classification"}
    held_out = {"kind": "samples", "x": X[:2].tolist(), "y": [5, 4]}
    found = mapped({**data, "evaluation": held_out}, outputs)
    expected = np.where(labels == 5, 1.0, -1.0)[:, None] if outputs == 1 else (labels[:, None] == [4, 5]).astype(float)
    np.testing.assert_array_equal(found.core.samples.y, expected)
    assert found.data.classes == (4, 5)
    assert found.core.evaluation.yy == pytest.approx(1.0)


def test_examples_are_prepared_unless_raw() -> None:
    prepared = mapped({"kind": "example", "name": "diabetes"}).core.moments
    np.testing.assert_allclose(prepared.xx.diagonal(), 1.0, rtol=1e-12)
    assert prepared.yy == pytest.approx(1.0)
    raw = mapped({"kind": "example", "name": "diabetes", "raw": True})
    assert raw.core.moments.yy > 10_000
    assert raw.data.preparation == "raw"
    assert mapped({"kind": "example", "name": "linnerud"}, 3).core.moments.outputs == 3
    assert mapped({"kind": "example", "name": "iris"}, 3).data.classes == (0, 1, 2)


def test_a_one_hot_table_of_impossible_size_is_refused() -> None:
    many = list(range(400))
    data = {"kind": "samples", "x": [[float(label)] for label in many], "y": many, "task": "classification"}
    with pytest.raises(LimitExceeded) as caught:
        mapped(data, 400, Limits(max_data_numbers=1000))
    assert caught.value.limit == "max_data_numbers"


def test_problems_have_locations_from_the_root_of_the_problem() -> None:
    with pytest.raises(InputError) as caught:
        mapped({"kind": "moments", "xx": [[1.0, 2.0], [0.0, 1.0]], "xy": [[0.0], [0.0]], "yy": 1.0})
    assert caught.value.fields[0].location == ("data", "xx")
