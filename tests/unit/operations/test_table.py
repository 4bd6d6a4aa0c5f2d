"""The table of operations: nothing is forgotten in a row, and what is forgotten is named."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import service
from service.cli import application
from service.operations.checks import faults
from service.operations.loaded import TableError, load
from service.operations.table import BY_NAME, OPERATIONS

ROOT = Path(service.__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MINIMA, SWEEPS, RANKS = (BY_NAME[name] for name in ("minima", "sweeps", "ranks"))


def test_the_table_is_right() -> None:
    assert faults() == []
    assert len(BY_NAME) == len(OPERATIONS)


FORGOTTEN: list[tuple[dict[str, Any], str]] = [
    ({"function": None}, "neither function nor work"),
    ({"answers": ()}, "names no answers"),
    ({"cost": None}, "has no cost"),
    ({"description": None}, "has no description"),
    ({"examples": None}, "has no examples"),
    ({"summary": ""}, "has no summary"),
    ({"route": None}, "has no route"),
    ({"function": "service.operations.minima:nothing"}, "service.operations.minima:nothing is in the table"),
    ({"function": "service.operations.nothing:minima"}, "service.operations.nothing:minima is in the table"),
    ({"function": "service.operations.ranks:ranks"}, "does not take service.schemas.request:MinimaRequest"),
    ({"function": "service.operations.problems:problems"}, "must take (request, limits, problem_at)"),
    ({"answers": RANKS.answers}, "does not return one of service.schemas.ranks:RanksAnswer"),
    ({"answers": ("service.vocabulary:Status",)}, "is not a model of the wire"),
    ({"examples": "service.schemas.batch:EXAMPLES"}, "is refused"),
    ({"work": "service.operations.minima:minima"}, "is not a Work"),
    ({"draw": "service.operations.drawing.nothing:draw"}, "service.operations.drawing.nothing:draw is in the table"),
]


@pytest.mark.parametrize(("change", "says"), FORGOTTEN)
def test_what_a_row_forgets_is_named(change: dict[str, Any], says: str) -> None:
    found = faults([replace(MINIMA, **change)])
    assert any(says in fault and fault.startswith("minima: ") for fault in found), found


def test_rows_of_plans_are_checked_too() -> None:
    assert any("allowed to become a job" in fault for fault in faults([replace(SWEEPS, job=False)]))
    assert any("no colours to be logged" in fault for fault in faults([replace(SWEEPS, logged=("colours",))]))


@pytest.mark.parametrize("field", ["name", "route", "command"])
def test_two_rows_share_nothing(field: str) -> None:
    found = faults([MINIMA, replace(RANKS, **{field: getattr(MINIMA, field)})])
    assert [fault for fault in found if fault.startswith(f"two rows have the {field}")]


def test_what_a_row_names_and_is_not_there_stops_at_once() -> None:
    with pytest.raises(TableError, match=r"ranks: service\.operations\.ranks:gone"):
        load(replace(RANKS, function="service.operations.ranks:gone"))


def test_the_readme_lists_every_route_and_nothing_else() -> None:
    section = README[README.index("## Endpoints") : README.index("## The theorem")]
    listed = set(re.findall(r"/v1/[a-z/-]+(?:\{\w+\})?", section))
    served = {re.sub(r"\{\w+\}", "{id}", row.route[1]) for row in OPERATIONS if row.route is not None}
    named = {re.sub(r"\{\w+\}", "{id}", path) for path in listed}
    assert {path for path in served if not path.endswith("{id}")} <= named
    assert {path for path in named if not path.startswith(("/v1/jobs", "/v1/datasets"))} <= served


def test_the_readme_lists_every_command() -> None:
    (told,) = re.findall(r"`minima ([a-z|]+)`", README)
    assert set(told.split("|")) == set(application.application.commands)
