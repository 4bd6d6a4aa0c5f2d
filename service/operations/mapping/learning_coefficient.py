"""The learning coefficient of minima to the answer on the wire; no convention enters it."""

from typing import Final

from service.core.flatness.at_minimum import outside
from service.core.flatness.learning_coefficient import coefficient_of
from service.core.ground.results import Minima
from service.operations.mapping.flatness import OTHER_MODEL
from service.operations.mapping.problem import MappedProblem
from service.schemas.flatness import LearningCoefficient

FIELDS: Final = ("value", "multiplicity", "evidence", "theorem")


def to_wire(mapped: MappedProblem, minima: Minima) -> LearningCoefficient:
    """What is known, validated; nulls have their reason."""
    if mapped.vae is not None or mapped.features is not None:
        return unknown(OTHER_MODEL)
    found = outside(mapped.core) or coefficient_of(mapped.core, minima)
    if isinstance(found, str):
        return unknown(found)
    return LearningCoefficient(
        value=found.value,
        multiplicity=found.multiplicity,
        evidence=found.evidence,
        theorem=found.theorem,
        reasons={},
    )


def unknown(reason: str) -> LearningCoefficient:
    """Nothing, and why."""
    return LearningCoefficient(
        value=None, multiplicity=None, evidence=None, theorem=None, reasons=dict.fromkeys(FIELDS, reason)
    )
