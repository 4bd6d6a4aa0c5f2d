"""An answer beside the one that this engine gives to the same problem."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.operations.mapping.fields import Leaf, covers, general
from service.schemas.minima import MinimaAnswer
from service.schemas.request import Part
from service.vocabulary import PointKind

SHARP: Final = 3e-7
"""Relative difference at which numbers count as different."""
ROUNDING: Final = 1e-14
"""The same, relative to what the number is a difference or part of."""
CURVATURE: Final = "negative_curvature"
"""The check that `include` asks for as `hessian`."""

NOT_COMPARED: Final[Mapping[str, str]] = {
    "global_minimum.weights": "many weights have the same loss",
    "global_minimum.biases": "many weights have the same loss",
    "global_minimum.skip_weights": "many weights have the same loss",
    "certificate.relative_gap": "rounding differs from machine to machine",
    "certificate.rounding_allowance": "rounding differs from machine to machine",
    "certificate.checks[].value": "rounding differs from machine to machine",
    "certificate.checks[].tolerance": "rounding differs from machine to machine",
    "certificate.method": "words",
    "summary": "sentences on the other fields",
    "numerics": "rounding differs from machine to machine",
    "problem": "the question, not a part of the answer",
    "problem_hash": "hashed, not solved",
    "engine_version": "reported beside that of this engine",
}
"""What is not the same in two right answers, with the reason."""
WORDS: Final = "words, which other engines put differently"
OF_ANOTHER_ENGINE: Final[Mapping[str, str]] = {
    **dict.fromkeys(("theorems", "completeness", "hypotheses", "reductions", "global_minimum.uniqueness"), WORDS),
    "certificate.checks": "another engine has other checks",
    "certificate.tolerance": "of the other engine",
    "certificate.lower_bound": "another engine may prove less",
}
BEST_FOUND: Final = ("global_minimum", "stationary_points")
"""What an answer without a closed gap says of the best point that its engine found."""
STRENGTH: Final[Mapping[str, int]] = {"exact": 3, "certified": 2, "bounded": 1}
"""Of statements about a minimum; a certificate is `certified` or `bounded`."""
MAP: Final = "global_minimum.end_to_end_map"
ABSENT: Final = object()


@dataclass(frozen=True)
class Leaves:
    """The fields of two answers to one problem.

    Attributes
    ----------
    claimed, found : mapping
        From path to what stands there.
    units : mapping
        What rounding is relative to, see `units_of`.
    input_scales : (d,) array
        Of the problem: rounding of a map is relative to what it predicts, whatever the units of the inputs.
    same_engine : bool
        Whether both are answers of one version of the engine.
    closed : bool
        Whether the claimed certificate closes its gap.
    """

    claimed: Mapping[str, Leaf]
    found: Mapping[str, Leaf]
    units: Mapping[str, float]
    input_scales: FloatArray
    same_engine: bool
    closed: bool


def included_in(answer: MinimaAnswer) -> list[Part]:
    """The parts that the answer shows were asked for."""
    include: list[Part] = ["layer_norms"] if "layer_norms" in answer.global_minimum.model_fields_set else []
    if answer.flatness is not None:
        include.append("flatness")
    if answer.learning_coefficient is not None:
        include.append("learning_coefficient")
    if any(point.kind is PointKind.SUBNETWORK for point in answer.stationary_points):
        include.append("subnetworks")
    if any(check.name == CURVATURE for check in answer.certificate.checks):
        include.append("hessian")
    return include


def units_of(again: MinimaAnswer, problem: Problem, factor: float) -> dict[str, float]:
    """What rounding is relative to: losses, in the caller's convention, and the end-to-end map."""
    return {
        "loss": problem.unit(again.global_minimum.loss / factor) * factor,
        "map": max(again.global_minimum.singular_values, default=0.0),
    }


def why_not_compared(field: str, *, same_engine: bool, closed: bool) -> str:
    """Why a field, places in lists left out, is not solved again; empty if it is."""
    if "reasons" in field.split("."):
        return "words"
    rows = dict(NOT_COMPARED) if same_engine else {**NOT_COMPARED, **OF_ANOTHER_ENGINE}
    if not same_engine and not closed:
        rows |= dict.fromkeys(BEST_FOUND, "another engine may have found another point within its bounds")
    return next((reason for name, reason in rows.items() if covers(name, field)), "")


def compared(leaves: Leaves) -> Iterator[tuple[str, bool]]:
    """Every field that both answers have or one of them lacks, and whether they agree on it."""
    names = {general(field) for field in leaves.claimed}
    known = names & {general(field) for field in leaves.found}
    for field in dict.fromkeys([*leaves.claimed, *leaves.found]):
        name = general(field)
        if why_not_compared(name, same_engine=leaves.same_engine, closed=leaves.closed):
            continue
        if not leaves.same_engine and name not in known:
            continue
        one, other = leaves.claimed.get(field, ABSENT), leaves.found.get(field, ABSENT)
        if name == MAP and not any(each is None or each is ABSENT for each in (one, other)):
            yield field, _same_maps(np.array(one), np.array(other), leaves.input_scales)
        elif not leaves.same_engine and name in ("status", "certificate.kind"):
            yield field, STRENGTH[str(one)] <= STRENGTH[str(other)]
        else:
            yield field, same(one, other, leaves.units.get(_unit_name(field), 0.0))


def _unit_name(field: str) -> str:
    """In what a number is measured that may be pure rounding: the loss, the end-to-end map, or nothing."""
    if field.startswith("global_minimum.singular_values"):
        return "map"
    in_loss = field.startswith("global_minimum.terms") or field.endswith(("loss", "_bound", "_height", "_eigenvalue"))
    return "loss" if in_loss else ""


def _same_maps(claimed: FloatArray, found: FloatArray, scales: FloatArray) -> bool:
    one, other = claimed * scales, found * scales
    return bool(np.all(np.abs(one - other) <= SHARP * np.abs(other) + ROUNDING * np.max(np.abs(other))))


def same(claimed: Leaf, found: Leaf, unit: float) -> bool:
    """Whether two leaves are equal, numbers to `SHARP` of themselves and `ROUNDING` of ``unit``."""
    if isinstance(claimed, list) and isinstance(found, list):
        return len(claimed) == len(found) and all(
            same(one, other, unit) for one, other in zip(claimed, found, strict=True)
        )
    numbers = (int, float)
    if isinstance(claimed, bool) or isinstance(found, bool) or not isinstance(claimed, numbers):
        return type(claimed) is type(found) and bool(claimed == found)
    return isinstance(found, numbers) and abs(claimed - found) <= SHARP * abs(found) + ROUNDING * unit
