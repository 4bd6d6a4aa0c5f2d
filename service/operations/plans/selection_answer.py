"""Columns of a selection put together, and the value that each criterion chooses."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from pydantic import Field

from service.core.asked.selection.criteria import FoldScores, generalised, least, of_folds, one_standard_error
from service.core.asked.selection.leave_one_out import REASONS, TRUSTED
from service.core.ground.numbers.arrays import FloatArray
from service.operations.plans.columns import with_nulls
from service.operations.plans.plan import Json
from service.operations.summaries.selection import summary_of_selection
from service.schemas.base import Wire, applicable
from service.schemas.selection import (
    ChosenByEach,
    ChosenMinimum,
    ChosenValue,
    FoldMeans,
    SelectedParameter,
    SelectionAnswer,
)
from service.vocabulary import Convention

NO_NUMBER: Final = "needs the number of samples, `n`"
UNKNOWN: Final = -1.0
"""Stands for degrees of freedom that leave double precision, which chunks could not store."""
NO_SCORE: Final = "no value has a score"
CRITERIA: Final = ("loo", "gcv", "kfold", "one_standard_error", "evaluation")
Scores: TypeAlias = Mapping[str, FloatArray | None]


class SelectionHeading(Wire):
    """What of an answer is known before any chunk, and how the chunks are laid out."""

    values: list[float] = Field(description="The values, in the caller's convention and order.")
    vary: SelectedParameter = Field(description="What varies.")
    n: int | None = Field(description="Number of samples, where known.")
    outputs: int = Field(description="Number of outputs.")
    sizes: list[int] = Field(description="Samples of each fold; empty without folds.")
    folds_reason: str = Field(description="Why there are no folds.")
    singly: int = Field(description="Chunks of samples that are left out one at a time; 0 where a step is taken.")
    blocks: int = Field(description="Blocks of values of each part.")
    notes: list[str] = Field(description="What to know of the numbers.")
    solver: str = Field(description="Name of the solver behind every minimum.")
    theorems: list[str] = Field(description="Ids of the theorems behind that solver.")
    convention: Convention = Field(strict=False, description="The convention of the request.")
    engine_version: str = Field(description="Version of the engine that computes the answer.")
    problem_hash: str = Field(description="Hash of the problem with its defaults filled in.")


@dataclass(frozen=True)
class SelectionTable:
    """All columns of an answer, and why entries are missing."""

    heading: SelectionHeading
    columns: Mapping[str, Any]
    scores: Scores
    folds: FoldScores | None
    evidence: Literal["exact", "approximate"] | None
    reasons: Mapping[str, str]


def table_of(heading: SelectionHeading, parts: Sequence[Json]) -> SelectionTable:
    """Columns of all values from the results of the chunks, in their order."""
    blocks, reasons = heading.blocks, {}
    whole = _joined(parts[:blocks])
    train = whole["train"]
    gcv = freedom = None
    if whole["freedom"] is None:
        reasons["degrees_of_freedom"] = reasons["gcv"] = whole["freedom_reason"]
    else:
        freedom = np.where(whole["freedom"] == UNKNOWN, np.nan, whole["freedom"])
        if np.isnan(freedom).any():
            reasons["degrees_of_freedom"] = "null where they leave the range of double precision"
        if heading.n is None:
            reasons["gcv"] = NO_NUMBER
        else:
            gcv = generalised(train, freedom, heading.n, heading.outputs)
            if not np.isfinite(gcv).all():
                reasons["gcv"] = (
                    "null where the fit has as many degrees of freedom as there are targets, or they are not known"
                )
    errors = np.array(
        [_joined(parts[blocks * (1 + fold) : blocks * (2 + fold)])["error"] for fold in range(len(heading.sizes))]
    )
    folds = of_folds(errors, np.array(heading.sizes, dtype=np.float64)) if heading.sizes else None
    if folds is None:
        reasons["kfold"] = heading.folds_reason
    elif not (np.isfinite(folds.mean).all() and np.isfinite(folds.standard_error).all()):
        folds, reasons["kfold"] = None, "the errors of the folds leave the range of double precision"
    loo, evidence = _left_out(heading, whole, parts, reasons)
    scores: dict[str, FloatArray | None] = {
        "loo": loo,
        "gcv": gcv,
        "kfold": None if folds is None else folds.mean,
        "evaluation": whole["evaluation"],
    }
    columns = {name: whole[name] for name in ("train", "norm", "rank", "trivial")}
    columns["degrees_of_freedom"] = freedom
    return SelectionTable(heading, columns, scores, folds, evidence, reasons)


def _joined(parts: Sequence[Json]) -> dict[str, Any]:
    """Blocks of columns, one after the other; what is no column is that of the first block."""
    return {
        name: np.concatenate([part[name] for part in parts]) if isinstance(first, np.ndarray) else first
        for name, first in parts[0].items()
    }


def _left_out(
    heading: SelectionHeading, whole: Mapping[str, Any], parts: Sequence[Json], reasons: dict[str, str]
) -> tuple[FloatArray | None, Literal["exact", "approximate"] | None]:
    """Errors on samples left out one at a time, and how they are known."""
    if heading.singly and heading.n is not None:
        start = heading.blocks * (1 + len(heading.sizes))
        total: FloatArray = np.zeros(len(heading.values))
        for place in range(heading.singly):
            total = total + _joined(parts[start + heading.blocks * place :][: heading.blocks])["total"]
        return total / heading.n, "exact"
    if whole["left_out"] is None:
        reasons["loo"] = whole["left_out_reason"]
        return None, None
    doubt: FloatArray = whole["doubt"]
    found = Counter(int(each) for each in doubt if each != TRUSTED)
    if found:
        told = [f"null at {count} of {doubt.size} values: {REASONS[each]}" for each, count in sorted(found.items())]
        reasons["loo"] = "; ".join(told)
    errors = np.where(doubt == TRUSTED, whole["left_out"], np.nan)
    return errors, "exact" if whole["quadratic"] else "approximate"


def _sent(scores: FloatArray | None) -> Any:
    """A column as it is sent: an array, or a list where entries are missing."""
    return scores if scores is None or np.isfinite(scores).all() else with_nulls(scores)


def chosen_of(table: SelectionTable) -> tuple[ChosenByEach, dict[str, int]]:
    """What each criterion chooses, with its score; and the places alone."""
    heading, places = table.heading, {}
    for name, scores in table.scores.items():
        place = None if scores is None else least(scores)
        if place is not None:
            places[name] = place
    if table.folds is not None:
        larger = heading.vary != "width"
        values = np.array(heading.values)
        places["one_standard_error"] = one_standard_error(table.folds, values, larger_is_simpler=larger)
    found: dict[str, ChosenValue | None] = {}
    for name in CRITERIA:
        scores = table.scores["kfold" if name == "one_standard_error" else name]
        score = None if name not in places or scores is None else float(scores[places[name]])
        found[name] = (
            None if score is None else ChosenValue(index=places[name], value=heading.values[places[name]], score=score)
        )
    return applicable(ChosenByEach(**found), "evaluation"), places


def assembled(table: SelectionTable, answers: Sequence[ChosenMinimum]) -> SelectionAnswer:
    """The answer."""
    heading, columns, reasons = table.heading, table.columns, dict(table.reasons)
    chosen, places = chosen_of(table)
    for name in CRITERIA[:-1]:
        if name not in places:
            reasons[f"chosen/{name}"] = reasons.get("kfold" if name == "one_standard_error" else name, NO_SCORE)
    if table.evidence is None:
        reasons["loo_evidence"] = "there are no such errors"
    folds = table.folds
    answer = SelectionAnswer(
        summary=[],
        vary=heading.vary,
        values=np.array(heading.values),
        train=columns["train"],
        loo=_sent(table.scores["loo"]),
        loo_evidence=table.evidence,
        gcv=_sent(table.scores["gcv"]),
        kfold=None
        if folds is None
        else FoldMeans(mean=folds.mean, standard_error=folds.standard_error, sizes=heading.sizes),
        degrees_of_freedom=_sent(columns["degrees_of_freedom"]),
        norm=columns["norm"],
        rank=columns["rank"],
        trivial=columns["trivial"],
        evaluation=table.scores["evaluation"],
        chosen=chosen,
        chosen_minima=list(answers),
        notes=heading.notes,
        reasons=reasons,
        solver=heading.solver,
        theorems=heading.theorems,
        convention=heading.convention,
        engine_version=heading.engine_version,
        problem_hash=heading.problem_hash,
    )
    answer = answer.model_copy(update={"summary": summary_of_selection(answer)})
    return applicable(answer, "evaluation")
