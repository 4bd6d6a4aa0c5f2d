"""Parts of an answer that cost more and come only when asked for."""

import copy
from typing import Any

import pytest

from service.operations.minima import minima, parse
from service.operations.verify import verify
from service.schemas.minima import MinimaAnswer
from service.schemas.problem import DESIGN_EXAMPLE
from service.settings import Limits


def answer(include: list[str]) -> MinimaAnswer:
    body: dict[str, Any] = {**copy.deepcopy(DESIGN_EXAMPLE), "include": include}
    return minima(parse(body).request, Limits())


def test_the_hessian_adds_a_check() -> None:
    names = {check.name for check in answer(["hessian"]).certificate.checks}
    assert names - {check.name for check in answer([]).certificate.checks} == {"negative_curvature"}


def test_subnetworks_add_saddles_above_the_branch() -> None:
    plain, full = answer([]), answer(["subnetworks"])
    added = full.stationary_points[len(plain.stationary_points) :]
    assert [point.kind for point in full.stationary_points[:3]] == ["origin", "branch", "branch"]
    # one to seven of the eight neurons under dropout, two points each, but where the noise has collapsed them
    assert {point.kind for point in added} == {"subnetwork"}
    assert {point.class_ for point in added} == {"strict_saddle"}
    widths = {point.label["active_widths"][0] for point in added if point.label}  # type: ignore[index]  # a list of ints
    assert widths == set(range(1, 8))
    least = min(point.loss for point in added)
    assert least > full.global_minimum.loss


@pytest.mark.parametrize("part", ["hessian", "subnetworks"])
def test_nothing_else_changes(part: str) -> None:
    assert answer([part]).global_minimum == answer([]).global_minimum


def test_an_answer_with_every_part_is_verified() -> None:
    parts = ["hessian", "layer_norms", "subnetworks"]
    body = {**copy.deepcopy(DESIGN_EXAMPLE), "include": parts, "return": {"weights": "factors", "problem": True}}
    found = verify(minima(parse(body).request, Limits()), Limits())
    assert [check.field for check in found.checks if not check.agrees] == []
