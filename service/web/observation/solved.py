"""What is counted of an answer; it travels with it, so that one computed in another process counts like any other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from service.operations.answered import SweepTable
from service.schemas.base import Wire

Said: TypeAlias = Wire | Mapping[str, Any]

NONE: Final = "none"
SEVERAL: Final = "several"


@dataclass(frozen=True, slots=True)
class Solved:
    """What is counted of an answer: names from the engine's own tables, never a caller's words.

    Attributes
    ----------
    solver, status : str
        ``none`` where an answer has none, ``several`` where its parts differ.
    gaps : tuple of (str, float)
        Solver and relative gap of each minimum with a certificate.
    """

    solver: str = NONE
    status: str = NONE
    gaps: tuple[tuple[str, float], ...] = ()


NOTHING: Final = Solved()


def solved(answer: Said | SweepTable) -> Solved:
    """What an answer, a table or a JSON object says of its solver."""
    if isinstance(answer, SweepTable):
        answer = answer.header
    minima = list(_minima(answer))
    gaps = tuple((_word(_field(each, "solver")), gap) for each in minima if (gap := _gap(each)) is not None)
    return Solved(_common(minima, "solver"), _common(minima, "status"), gaps)


def _minima(answer: Said) -> Iterator[Said]:
    """The parts of an answer that may name a solver."""
    parts = _field(answer, "answers")
    if isinstance(parts, list) and all(isinstance(part, Wire | Mapping) for part in parts):
        yield from parts
        return
    minimum = _field(answer, "global_minimum")
    yield answer if _field(answer, "solver") is not None or minimum is None else minimum


def _common(minima: Sequence[Said], name: str) -> str:
    found = {_word(_field(each, name)) for each in minima} or {NONE}
    return found.pop() if len(found) == 1 else SEVERAL


def _gap(minimum: Said) -> float | None:
    certificate = _field(minimum, "certificate")
    gap = None if certificate is None else _field(certificate, "relative_gap")
    return None if gap is None else float(gap)


def _word(value: object) -> str:
    return NONE if value is None else str(value)


def _field(of: Said, name: str) -> Any:
    # the values of a model: a model that is asked for what it has not takes longer to say so than all the rest here
    return of.__dict__.get(name) if isinstance(of, Wire) else of.get(name)
