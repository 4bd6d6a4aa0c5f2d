"""What the chunks of a selection compute: columns of a block of values, and the minima that are chosen."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from service.core.asked.selection.columns import held_out_error, whole_columns
from service.core.asked.selection.folds import Split, split_of_samples, trained_on
from service.core.asked.sweeps.axes import Axis
from service.core.ground.data.merged import merged_moments
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem, Samples
from service.operations.mapping.selection import with_value
from service.operations.minima import minima
from service.operations.plans.packing import moments_of_arrays, unpack
from service.operations.plans.plan import Arrays, ChunkFunction, Json, Written
from service.operations.plans.selection_answer import (
    CRITERIA,
    UNKNOWN,
    SelectionHeading,
    assembled,
    chosen_of,
    table_of,
)
from service.operations.questions import limits_of
from service.schemas.problem import ProblemDocument
from service.schemas.request import MinimaRequest
from service.schemas.selection import ChosenMinimum, SelectionAnswer
from service.vocabulary import SweepParameter


def compute_whole(arguments: Mapping[str, Json], arrays: Arrays, _inputs: Sequence[Json]) -> Written:
    """What the minima on all data say of a block of values."""
    problem, axis = _asked(arguments, arrays)
    found = whole_columns(problem, axis, summed=arguments["summed"], step=arguments["step"])
    evaluation = None if problem.evaluation is None else held_out_error(problem, axis)
    return Written(
        {
            "train": found.train,
            "norm": found.norm,
            "trivial": found.trivial,
            "rank": found.rank,
            "freedom": None if found.freedom is None else np.where(np.isfinite(found.freedom), found.freedom, UNKNOWN),
            "freedom_reason": found.freedom_reason,
            "left_out": found.left_out,
            "doubt": found.doubt,
            "left_out_reason": found.left_out_reason,
            "quadratic": found.quadratic,
            "evaluation": evaluation,
        }
    )


def compute_fold(arguments: Mapping[str, Json], arrays: Arrays, _inputs: Sequence[Json]) -> Written:
    """Errors on one fold by the minima without it, for a block of values."""
    problem, axis = _asked(arguments, arrays)
    fold = int(arguments["fold"])
    if "fold_of" in arrays:
        samples = _samples(problem)
        split = split_of_samples(samples.x, samples.y, np.flatnonzero(arrays["fold_of"] == fold))
    else:
        sets = [moments_of_arrays(scalars, arrays, f"fold_{index}") for index, scalars in enumerate(arguments["folds"])]
        split = Split(merged_moments([each for index, each in enumerate(sets) if index != fold]), sets[fold])
    return Written({"error": _error(problem, axis, split, summed=arguments["summed"])})


def compute_left_out(arguments: Mapping[str, Json], arrays: Arrays, _inputs: Sequence[Json]) -> Written:
    """Sum of the errors on some samples, each by the minimum without it, for a block of values."""
    problem, axis = _asked(arguments, arrays)
    samples = _samples(problem)
    total: FloatArray = np.zeros(axis.values.size)
    for index in range(int(arguments["first"]), int(arguments["last"])):
        split = split_of_samples(samples.x, samples.y, np.array([index]))
        total = total + _error(problem, axis, split, summed=arguments["summed"])
    return Written({"total": total})


def _error(problem: Problem, axis: Axis, split: Split, *, summed: bool) -> FloatArray:
    return held_out_error(*trained_on(problem, axis, split, summed=summed))


def compute_answers(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> Written:
    """The certified minimum at each value that a criterion chooses."""
    heading = SelectionHeading.model_validate(arguments["heading"])
    places = chosen_of(table_of(heading, inputs))[1]
    limits, document = limits_of(arguments), ProblemDocument.model_validate(_document(arguments["asked"], arrays))
    found = []
    for place in sorted(set(places.values())):
        value = heading.values[place]
        request = MinimaRequest(problem=with_value(document, SweepParameter(heading.vary), value))
        by = [name for name in CRITERIA if places.get(name) == place]
        found.append(ChosenMinimum(value=value, chosen_by=by, minima=minima(request, limits)))
    return Written({"answers": [each.document() for each in found]})


def assemble(arguments: Mapping[str, Json], _arrays: Arrays, inputs: Sequence[Json]) -> SelectionAnswer:
    """Columns, choices and minima as one answer."""
    heading = SelectionHeading.model_validate(arguments["heading"])
    answers = [ChosenMinimum.model_validate(each) for each in inputs[-1]["answers"]]
    return assembled(table_of(heading, inputs[:-1]), answers)


def _asked(arguments: Mapping[str, Json], arrays: Arrays) -> tuple[Problem, Axis]:
    values = np.asarray(arrays["values"], dtype=np.float64)[int(arguments["start"]) : int(arguments["stop"])]
    return unpack(arguments["problem"], arrays), Axis(SweepParameter(arguments["parameter"]), values)


def _samples(problem: Problem) -> Samples:
    assert problem.samples is not None  # noqa: S101 - such chunks are planned for samples only
    return problem.samples


def _document(document: Json, arrays: Arrays) -> dict[str, Any]:
    """The problem of the caller, whose samples travel as arrays."""
    if "sent_x" not in arrays:
        return dict(document)
    y = np.asarray(arrays["sent_y"])
    return {**document, "data": {**document["data"], "x": arrays["sent_x"].tolist(), "y": y.tolist()}}


FUNCTIONS: Final[Mapping[str, ChunkFunction]] = {
    "whole": compute_whole,
    "fold": compute_fold,
    "left_out": compute_left_out,
    "answers": compute_answers,
    "assemble": assemble,
}
