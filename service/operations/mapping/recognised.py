"""What a document is, so that what is no answer of `/v1/minima` is refused by its name."""

from collections.abc import Mapping
from typing import Any, Final

from service.errors import InputError

OWN: Final = frozenset({"status", "global_minimum", "certificate", "hypotheses", "numerics"})
"""Fields of an answer of `/v1/minima`, most of which no other document has."""
MOST: Final = 3

OTHERS: Final[tuple[tuple[str, frozenset[str]], ...]] = (
    ("an answer of /v1/minima/batch", frozenset({"answers"})),
    ("an answer of /v1/minima/batch", frozenset({"count", "results"})),
    ("an answer of /v1/landscape", frozenset({"verdicts", "rules"})),
    ("an answer of /v1/ranks", frozenset({"layers", "separability"})),
    ("an answer of /v1/sweeps", frozenset({"axes", "boundaries"})),
    ("an answer of /v1/races", frozenset({"groups", "advice"})),
    ("an answer of /v1/slices", frozenset({"centre", "directions"})),
    ("an answer of /v1/spectra", frozenset({"density", "eigenvalues"})),
    ("an answer of /v1/connectivity", frozenset({"ends", "straight"})),
    ("an answer of /v1/gradient-flows", frozenset({"stop", "log_losses"})),
    ("an answer of /v1/diagnose", frozenset({"gradient_norm", "because"})),
    ("an answer of /v1/examples", frozenset({"examples"})),
    ("an answer of /v1/examples", frozenset({"licence", "data"})),
    ("an answer of /v1/theorems", frozenset({"theorems"})),
    ("an answer of /v1/theorems", frozenset({"statement", "source"})),
    ("an answer of /v1/problems", frozenset({"problems"})),
    ("an answer of /v1/problems", frozenset({"snippet", "minimum"})),
    ("an answer of /v1/jobs", frozenset({"jobs"})),
    ("an answer of /v1/jobs", frozenset({"state", "chunks_done"})),
    ("an answer of /v1/datasets", frozenset({"datasets"})),
    ("an answer of /v1/datasets", frozenset({"input_columns", "target_columns"})),
    ("a report of minima verify", frozenset({"outcome", "checks"})),
    ("an error of the service", frozenset({"type", "title", "detail"})),
    ("a problem, not an answer", frozenset({"problem"})),
    ("a problem, not an answer", frozenset({"network", "data"})),
)
"""What else there is, each with fields that tell it apart; the first that fits gives the name."""


def refuse_others(document: object) -> None:
    """Raise an `InputError` that names what ``document`` is, if that is something else."""
    if not isinstance(document, Mapping):
        raise InputError.at((), "must be an object, namely an answer of /v1/minima")
    name = name_of(document)
    if name is not None:
        raise InputError.at((), f"is {name}; verify accepts answers of /v1/minima")


def name_of(document: Mapping[str, Any]) -> str | None:
    """What a document is; ``None`` for an answer of `/v1/minima` and for what nobody knows."""
    if len(OWN & document.keys()) >= MOST:
        return None
    return next((name for name, fields in OTHERS if fields <= document.keys()), None)
