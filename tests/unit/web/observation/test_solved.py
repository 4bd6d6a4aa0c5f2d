"""What is counted of an answer, by its form."""

from collections.abc import Mapping
from typing import Any

import pytest

from service.web.observation.solved import NOTHING, Solved, solved

EXACT = {"solver": "dropout", "status": "exact", "certificate": {"relative_gap": 1e-12}}
BOUNDED = {"solver": "deep_bounded", "status": "bounded", "certificate": {"relative_gap": 0.2}}


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (EXACT, Solved("dropout", "exact", (("dropout", 1e-12),))),
        ({"answers": [EXACT, EXACT]}, Solved("dropout", "exact", (("dropout", 1e-12),) * 2)),
        (
            {"answers": [EXACT, BOUNDED]},
            Solved("several", "several", (("dropout", 1e-12), ("deep_bounded", 0.2))),
        ),
        ({"answers": []}, NOTHING),
        ({"answers": "none"}, NOTHING),
        ({"solver": "dropout"}, Solved("dropout")),
        ({"global_minimum": {"solver": "dropout", "status": "exact"}}, Solved("dropout", "exact")),
        ({"global_minimum": None}, NOTHING),
        ({}, NOTHING),
    ],
)
def test_the_solver_is_found_where_it_stands(answer: Mapping[str, Any], seen: Solved) -> None:
    assert solved(answer) == seen
