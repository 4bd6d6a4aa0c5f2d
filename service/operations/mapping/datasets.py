"""Uploaded data sets as the data of a problem: references in a request become what was kept of each file.

This happens before a request is read, so that every analysis, job and cluster takes them as it takes factors and
samples; the hash of a problem is then the hash of its numbers, and a stored job needs nothing beside itself.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from service.core.ground.numbers.factor import Factor
from service.core.ground.problems import Samples
from service.errors import FieldError, InputError, Location
from service.operations.datasets import Column, ReducedDataset
from service.schemas.data import DatasetReference, EvaluationDataset
from service.schemas.datasets import DatasetColumn, DatasetColumns, DatasetFacts
from service.schemas.parsing import validated
from service.vocabulary import Activation, Loss, Task

KIND: Final = "dataset"
NUMBERS: Final = frozenset({"x", "y", "n", "x_mean", "y_mean", "scale", "r", "classes", "kind"})
Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class KeptDataset:
    """What was kept of a file.

    Attributes
    ----------
    factor : Factor
    samples : Samples or None
        With labels as targets, if there are classes.
    classes : tuple of int or None
        In the order of one-hot targets.
    folds : tuple of Factor
        Of the folds of the samples; empty where none were kept.
    """

    factor: Factor
    samples: Samples | None
    classes: tuple[int, ...] | None
    folds: tuple[Factor, ...] = ()


Load: TypeAlias = Callable[[str, Location], KeptDataset]


@dataclass(frozen=True)
class Place:
    """A reference to a data set.

    Attributes
    ----------
    at : tuple of str and int
        Where the data stand in the request.
    problem : dict
        The problem whose data they are, or whose held-out data.
    held_out : bool
    request : dict or None
        What the problem stands in, where it is wrapped.
    """

    at: Location
    problem: Json
    held_out: bool
    request: Json | None = None

    @property
    def data(self) -> Json:
        """The reference itself."""
        data: Json = self.problem["data"]
        return data["evaluation"] if self.held_out else data

    def takes_samples(self, *, factor_suffices: bool) -> bool:
        """Whether kept samples are of use: the factor decides squared loss of linear networks, and is quicker to read.

        Whether something nonlinear is in the network, is guessed: what is not a network is refused later.
        """
        objective = self.problem.get("objective")
        loss = objective.get("loss", Loss.SQUARED) if isinstance(objective, dict) else Loss.SQUARED
        return not factor_suffices or loss != Loss.SQUARED or not _is_linear(self.problem.get("network"))

    @property
    def identity(self) -> str:
        """The id that is referred to, once `check_references` has found it to be a text."""
        return str(self.data["id"])


def _is_linear(network: object) -> bool:
    layers = network.get("layers") if isinstance(network, dict) else None
    return not isinstance(layers, list) or all(
        layer.get("activation", Activation.LINEAR) == Activation.LINEAR for layer in layers if isinstance(layer, dict)
    )


def facts_of(found: ReducedDataset) -> DatasetFacts:
    """The description of a data set, without its file and its time of storage."""
    missing = {
        "classes": "the targets are not classes" if found.classes is None else None,
        "class_names": "the labels are not texts" if found.class_names is None else None,
        "options/delimiter": "belongs to csv" if found.options.delimiter is None else None,
        "options/dialect": "belongs to csv" if found.options.dialect is None else None,
    }
    return DatasetFacts(
        samples=found.factor.n,
        inputs=found.factor.inputs,
        outputs=found.factor.outputs,
        task=Task.REGRESSION if found.classes is None else Task.CLASSIFICATION,
        classes=None if found.classes is None else list(found.classes),
        class_names=None if found.class_names is None else list(found.class_names),
        samples_kept=found.samples is not None,
        rows_left_out=found.rows_left_out,
        options=found.options,
        reasons={name: why for name, why in missing.items() if why is not None},
    )


def columns_of(found: ReducedDataset) -> DatasetColumns:
    """The description of the columns of a data set."""
    return DatasetColumns(
        file_columns=list(found.file_columns),
        input_columns=[_column(column) for column in found.input_columns],
        target_columns=[_column(column) for column in found.target_columns],
    )


def _column(column: Column) -> DatasetColumn:
    return DatasetColumn(
        name=column.name,
        mean=column.mean,
        standard_deviation=column.standard_deviation,
        shift=column.shift,
        scale=column.scale,
    )


def references(document: object) -> list[Place]:
    """Every reference in a request: its bare or wrapped problem, or its list of problems."""
    if not isinstance(document, dict):
        return []
    found: list[Place] = []
    problems = document.get("problems")
    entries: list[tuple[Location, object]] = [((), document)]
    if isinstance(problems, list):
        entries += [(("problems", index), each) for index, each in enumerate(problems)]
    for at, entry in entries:
        found += _of_entry(at, entry)
    return found


def _of_entry(at: Location, entry: object) -> Iterator[Place]:
    request = None
    if isinstance(entry, dict) and "problem" in entry:
        request, entry, at = entry, entry["problem"], (*at, "problem")
    data = entry.get("data") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(data, dict):
        return
    if data.get("kind") == KIND:
        yield Place((*at, "data"), entry, held_out=False, request=request)
    held_out = data.get("evaluation")
    if isinstance(held_out, dict) and held_out.get("kind") == KIND:
        yield Place((*at, "data", "evaluation"), entry, held_out=True)


def check_references(places: list[Place]) -> None:
    """Refuse a reference that has no id, or unknown fields."""
    for place in places:
        validated(EvaluationDataset if place.held_out else DatasetReference, _without_evaluation(place.data), place.at)


def expand(places: list[Place], load: Load, *, factor_suffices: bool, folds: bool = False) -> None:
    """Put what was kept in the place of each reference; changes the request.

    Parameters
    ----------
    places : list of Place
        From `references`.
    load : callable
        ``load(id, location)``, which raises at the location what is wrong with the id.
    factor_suffices : bool
        Whether the analysis learns nothing from kept samples under squared loss.
    folds : bool
        Whether the request may bring the data of folds.

    Raises
    ------
    InputError
        If a reference has unknown fields, or a task that the data set was not prepared for.
    """
    check_references(places)
    for place in places:
        data = place.data
        kept = load(place.identity, (*place.at, "id"))
        task = _task(data, kept, place.at)
        numbers = _numbers(kept, samples=place.takes_samples(factor_suffices=factor_suffices))
        if not place.held_out and (numbers["kind"] == "samples" or kept.classes is not None):
            numbers["task"] = task
        if "evaluation" in data:
            numbers["evaluation"] = data["evaluation"]
        if place.held_out:
            place.problem["data"] = {**place.problem["data"], "evaluation": numbers}
        else:
            place.problem["data"] = numbers
            if folds and kept.folds and place.request is not None and numbers["kind"] == "factor":
                place.request.setdefault("fold_data", [factor_document(each, kept.classes) for each in kept.folds])


def _without_evaluation(data: Mapping[str, Any]) -> Json:
    return {name: value for name, value in data.items() if name != "evaluation"}


def _task(data: Mapping[str, Any], kept: KeptDataset, at: Location) -> str:
    prepared = Task.REGRESSION if kept.classes is None else Task.CLASSIFICATION
    if data.get("task") == Task.CLASSIFICATION and kept.classes is None:
        raise InputError.at((*at, "task"), "must be regression: the data set was uploaded without `one_hot`")
    return str(data.get("task") or prepared)


def _numbers(kept: KeptDataset, *, samples: bool) -> Json:
    if samples and kept.samples is not None:
        return {"kind": "samples", "x": kept.samples.x.tolist(), "y": kept.samples.y.tolist()}
    return factor_document(kept.factor, kept.classes)


def factor_document(factor: Factor, classes: Sequence[int] | None) -> Json:
    """A factor as the data of a problem."""
    document: Json = {
        "kind": "factor",
        "n": factor.n,
        "x_mean": factor.x_mean.tolist(),
        "y_mean": factor.y_mean.tolist(),
        "scale": factor.scale.tolist(),
        "r": factor.r.tolist(),
    }
    return document if classes is None else {**document, "classes": list(classes)}


@contextmanager
def blamed_on_references(places: list[Place]) -> Iterator[None]:
    """Move errors from numbers that the caller did not send to the id that stands for them."""
    try:
        yield
    except InputError as error:
        error.fields = tuple(_moved(problem, places) for problem in error.fields)
        raise


def _moved(problem: FieldError, places: list[Place]) -> FieldError:
    for place in places:
        depth = len(place.at)
        if (
            problem.location[:depth] == place.at
            and problem.location[depth : depth + 1]
            and (problem.location[depth] in NUMBERS)
        ):
            return FieldError((*place.at, "id"), f"names a data set whose {problem.location[depth]} {problem.detail}")
    return problem
