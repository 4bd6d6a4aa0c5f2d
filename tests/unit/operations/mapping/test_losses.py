"""Labels of classification losses, as they may be written."""

from typing import Any

import numpy as np
import pytest

from service.errors import InputError
from service.operations.landscape import landscape, parse
from service.operations.mapping.problem import to_core
from service.schemas.problem import ProblemDocument
from service.settings import Limits

X = [[1.0, 0.5], [2.0, -1.0], [-1.0, 0.3], [-2.0, 0.1]]


def problem(y: Any, loss: str, width: int = 1, **data: Any) -> dict[str, Any]:
    return {
        "network": {"layers": [{"width": 3}, {"width": width}]},
        "data": {"kind": "samples", "x": X, "y": y, **data},
        "objective": {"loss": loss},
    }


def targets(document: dict[str, Any]) -> Any:
    samples = to_core(ProblemDocument.model_validate(document), Limits()).core.samples
    assert samples is not None
    return samples.y


@pytest.mark.parametrize("loss", ["logistic", "exponential"])
@pytest.mark.parametrize(
    ("y", "data"),
    [
        ([1, 1, -1, -1], {}),
        ([1, 1, 0, 0], {}),
        ([1.0, 1.0, 0.0, 0.0], {"task": "classification"}),
        ([7, 7, 3, 3], {"task": "classification"}),
    ],
)
def test_two_classes_become_signs(loss: str, y: list[float], data: dict[str, Any]) -> None:
    np.testing.assert_array_equal(targets(problem(y, loss, **data))[:, 0], [1.0, 1.0, -1.0, -1.0])


def test_classes_become_rows_of_probabilities() -> None:
    found = targets(problem([4, 2, 9, 2], "cross_entropy", width=3))
    np.testing.assert_array_equal(found, [[0, 1, 0], [1, 0, 0], [0, 0, 1], [1, 0, 0]])
    soft = [[0.25, 0.75], [1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
    np.testing.assert_array_equal(targets(problem(soft, "cross_entropy", width=2)), soft)


@pytest.mark.parametrize("labels", [[1, 1, 1, 1], [-1, -1, -1, -1], [0, 0, 0, 0]])
def test_labels_all_equal_have_an_answer(labels: list[int]) -> None:
    parsed = parse(problem(labels, "logistic", task="classification"))
    answer = landscape(parsed.request, Limits(), parsed.problem_at)
    assert answer.verdicts["no_spurious_local_minima"].value is True


@pytest.mark.parametrize(
    ("document", "location"),
    [
        (problem([1, 1, -1, 2], "logistic"), ("data", "y", 3)),
        (problem([0.5, 1, 0, 0], "exponential"), ("data", "y", 0)),
        (problem([[1, 0]] * 4, "logistic", width=2), ("network", "layers", 1, "width")),
        (problem([1, 0, 1, 0], "cross_entropy"), ("network", "layers", 1, "width")),
        (problem([[0.5, 0.6], [1, 0], [0, 1], [1, 0]], "cross_entropy", width=2), ("data", "y", 0)),
        (problem([0, 1, 2, 0], "cross_entropy", width=2), ("network", "layers", 1, "width")),
    ],
)
def test_what_is_no_label_is_refused_by_place(document: dict[str, Any], location: tuple[str | int, ...]) -> None:
    with pytest.raises(InputError) as refused:
        to_core(ProblemDocument.model_validate(document), Limits())
    assert refused.value.fields[0].location == location


def test_torch_averages_squared_errors_over_outputs_and_cross_entropy_over_samples() -> None:
    def factor(loss: str, y: Any) -> float:
        document = problem(y, loss, width=2)
        document["objective"]["convention"] = "torch"
        return to_core(ProblemDocument.model_validate(document), Limits()).scaling.loss

    assert factor("squared", [[1, 0]] * 4) == 0.5
    assert factor("cross_entropy", [0, 1, 0, 1]) == 1.0
