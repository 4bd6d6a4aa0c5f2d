"""The witnesses that exist for a problem: which rule calls for which construction, each verified."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from service.core.landscapes.verdicts import Applied
from service.core.landscapes.witnesses.cells import affine_cell, dead_units
from service.core.landscapes.witnesses.checks import Verified, verify
from service.core.landscapes.witnesses.claims import Construction
from service.core.landscapes.witnesses.infinity import growing_output
from service.core.landscapes.witnesses.origins import decayed_origin, escape, flat_origin
from service.core.landscapes.witnesses.wide import path_down
from service.core.problems import Problem
from service.vocabulary import Loss

CONSTRUCTIONS: Final[tuple[tuple[frozenset[str], Callable[[Problem], Construction | None]], ...]] = (
    (frozenset({"R34", "R36"}), affine_cell),
    (frozenset({"R39"}), dead_units),
    (frozenset({"R14"}), decayed_origin),
    (frozenset({"R08c"}), flat_origin),
    (frozenset({"R08b"}), escape),
    (frozenset({"R24"}), path_down),
    (frozenset({"R46"}), growing_output),
)
"""Each construction with the rules any of which must apply."""


@dataclass(frozen=True, slots=True)
class Witness:
    """A construction with what its verification found."""

    construction: Construction
    verified: Verified


def witnesses(problem: Problem, rules: Iterable[Applied]) -> tuple[Witness, ...]:
    """Every witness that can be constructed for the problem, verified or refuted by its numbers.

    They need samples; for losses other than the squared one only the path to infinity is constructed.
    """
    applied = {item.theorem.id for item in rules if item.applies is True}
    if problem.samples is None:
        return ()
    possible = [(needed, build) for needed, build in CONSTRUCTIONS if needed & applied]
    if problem.loss is not Loss.SQUARED:
        possible = [(needed, build) for needed, build in possible if build is growing_output]
    found = [build(problem) for _, build in possible]
    return tuple(Witness(item, verify(problem, item)) for item in found if item is not None)
