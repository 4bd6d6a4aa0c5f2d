"""References to uploaded data sets: where they are found, what takes their place, and whom errors blame."""

from typing import Any

import numpy as np
import pytest

from service.core.ground.numbers.factor import factor_of_samples
from service.core.ground.problems import Samples
from service.errors import FieldError, InputError, Location
from service.operations.mapping.datasets import KeptDataset, blamed_on_references, expand, references

X = np.array([[1.0, 2.0], [2.0, 1.0], [4.0, 3.0]])
Y = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
FACTOR = factor_of_samples(X, Y)
LABELS = Samples(X, np.array([[3.0], [7.0], [7.0]]))
KEPT = {
    "table": KeptDataset(FACTOR, None, None),
    "rows": KeptDataset(FACTOR, Samples(X, Y), None),
    "classes": KeptDataset(FACTOR, None, (3, 7)),
    "labels": KeptDataset(FACTOR, LABELS, (3, 7)),
}
AS_FACTOR: dict[str, Any] = {
    "kind": "factor",
    "n": 3,
    "x_mean": FACTOR.x_mean.tolist(),
    "y_mean": FACTOR.y_mean.tolist(),
    "scale": FACTOR.scale.tolist(),
    "r": FACTOR.r.tolist(),
}
AS_SAMPLES: dict[str, Any] = {"kind": "samples", "x": X.tolist(), "y": Y.tolist()}
AS_LABELS: dict[str, Any] = {"kind": "samples", "x": X.tolist(), "y": LABELS.y.tolist()}
OF_CLASSES: dict[str, Any] = {**AS_FACTOR, "classes": [3, 7]}


def load(identity: str, location: Location) -> KeptDataset:
    assert location[-1] == "id"
    return KEPT[identity]


def data(identity: str, **more: Any) -> dict[str, Any]:
    return {"kind": "dataset", "id": identity, **more}


def expanded(problem: dict[str, Any], *, factor_suffices: bool = True) -> dict[str, Any]:
    """The data of a problem after its references were replaced."""
    expand(references(problem), load, factor_suffices=factor_suffices)
    found: dict[str, Any] = problem["data"]
    return found


@pytest.mark.parametrize("factor_suffices", [True, False])
@pytest.mark.parametrize("objective", [None, "none", {}, {"loss": "squared"}, {"loss": "huber"}])
@pytest.mark.parametrize(
    ("identity", "by_factor", "by_samples"),
    [
        ("table", AS_FACTOR, AS_FACTOR),
        ("rows", AS_FACTOR, {**AS_SAMPLES, "task": "regression"}),
        ("classes", {**OF_CLASSES, "task": "classification"}, {**OF_CLASSES, "task": "classification"}),
        ("labels", {**OF_CLASSES, "task": "classification"}, {**AS_LABELS, "task": "classification"}),
    ],
)
def test_samples_take_the_place_where_the_factor_does_not_do(
    identity: str,
    by_factor: dict[str, Any],
    by_samples: dict[str, Any],
    objective: object,
    factor_suffices: bool,
) -> None:
    problem = {"data": data(identity), **({} if objective is None else {"objective": objective})}
    needed = not factor_suffices or objective == {"loss": "huber"}
    assert expanded(problem, factor_suffices=factor_suffices) == (by_samples if needed else by_factor)


@pytest.mark.parametrize(
    ("identity", "task", "found"),
    [
        ("rows", "regression", "regression"),
        ("labels", "classification", "classification"),
        ("labels", "regression", "regression"),
    ],
)
def test_the_task_that_is_asked_for_is_kept(identity: str, task: str, found: str) -> None:
    assert expanded({"data": data(identity, task=task)}, factor_suffices=False)["task"] == found


def test_held_out_data_stand_beside_the_others_and_have_no_task() -> None:
    problem = {"data": data("labels", evaluation=data("classes"))}
    assert expanded(problem) == {**OF_CLASSES, "task": "classification", "evaluation": OF_CLASSES}
    sent = {"data": {**AS_SAMPLES, "evaluation": data("rows")}}
    assert expanded(sent, factor_suffices=False) == {**AS_SAMPLES, "evaluation": AS_SAMPLES}
    own = {"data": data("table", evaluation={"kind": "samples", "x": [], "y": []})}
    assert expanded(own)["evaluation"] == {"kind": "samples", "x": [], "y": []}


@pytest.mark.parametrize(
    ("document", "places"),
    [
        ([], []),
        ({"data": {"kind": "samples"}}, []),
        ({"data": data("table")}, [("data",)]),
        ({"problem": {"data": data("table")}}, [("problem", "data")]),
        ({"data": {**AS_SAMPLES, "evaluation": data("rows")}}, [("data", "evaluation")]),
        (
            {"problems": [{"data": data("table")}, {"problem": {"data": data("rows")}}, 7]},
            [("problems", 0, "data"), ("problems", 1, "problem", "data")],
        ),
    ],
)
def test_references_are_found_wherever_a_problem_may_stand(document: object, places: list[Location]) -> None:
    assert [place.at for place in references(document)] == places


@pytest.mark.parametrize(
    ("reference", "location", "says"),
    [
        (data("rows", task="classification"), ("data", "task"), "must be regression: the data set was uploaded"),
        ({"kind": "dataset"}, ("data", "id"), "is required"),
        (data("rows", x=[[1.0]]), ("data", "x"), "is not a known field"),
    ],
)
def test_what_a_reference_cannot_ask_is_refused_at_its_place(
    reference: dict[str, Any], location: Location, says: str
) -> None:
    with pytest.raises(InputError) as caught:
        expanded({"data": reference})
    assert [(field.location, says in field.detail) for field in caught.value.fields] == [(location, True)]


@pytest.mark.parametrize(
    ("location", "blamed"),
    [
        (("data", "x", 3), (("data", "id"), "names a data set whose x is wrong")),
        (("data", "classes"), (("data", "id"), "names a data set whose classes is wrong")),
        (("data", "evaluation", "r"), (("data", "evaluation", "id"), "names a data set whose r is wrong")),
        (("data", "evaluation", "task"), (("data", "evaluation", "task"), "is wrong")),
        (("data", "task"), (("data", "task"), "is wrong")),
        (("data",), (("data",), "is wrong")),
        (("network", "x"), (("network", "x"), "is wrong")),
    ],
)
def test_errors_in_numbers_that_the_caller_did_not_send_name_the_id(
    location: Location, blamed: tuple[Location, str]
) -> None:
    places = references({"data": data("table", evaluation=data("rows"))})
    with pytest.raises(InputError) as caught, blamed_on_references(places):
        raise InputError([FieldError(location, "is wrong")])
    assert [(field.location, field.detail) for field in caught.value.fields] == [blamed]
