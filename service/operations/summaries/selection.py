"""What the answer of a selection says, in sentences."""

from collections.abc import Iterator
from typing import Any, Final

from service.operations.summaries.words import figure, listed, sentence
from service.schemas.selection import SelectionAnswer

NAMES: Final = {
    "loo": "leave-one-out",
    "gcv": "generalised cross-validation",
    "kfold": "the mean over folds",
    "one_standard_error": "the one-standard-error rule",
    "evaluation": "the held-out data",
}


def summary_of_selection(answer: SelectionAnswer) -> list[str]:
    """Two to five sentences, whose numbers are those of the answer."""
    return [*_choices(answer), *_collapse(answer)]


def _choices(answer: SelectionAnswer) -> Iterator[str]:
    for found in answer.chosen_minima:
        minimum = found.minima.global_minimum
        yield sentence(
            f"{listed([NAMES[name] for name in found.chosen_by])}: {answer.vary.replace('_', ' ')} "
            f"{figure(found.value)}, with norm of the map {figure(_norm(answer, found.value))} and "
            f"rank {minimum.rank}"
        )


def _norm(answer: SelectionAnswer, value: float) -> float:
    values: Any = answer.values
    norms: Any = answer.norm
    return float(next(norm for each, norm in zip(values, norms, strict=True) if each == value))


def _collapse(answer: SelectionAnswer) -> Iterator[str]:
    trivial: Any = answer.trivial
    zero = sum(map(bool, trivial))
    if zero:
        yield f"At {zero} of {len(trivial)} values the global minimum is zero."
