"""A triangular factor on the wire: the data that it stands for, and each way in which it can be wrong."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from service.core.ground.data.conditioned import moments_of_factor
from service.core.ground.numbers.factor import factor_of_samples
from service.core.ground.problems import Moments
from service.errors import InputError
from service.operations.mapping.factors import factor_of
from service.operations.mapping.problem import MappedProblem, to_core
from service.operations.minima import minima, parse
from service.schemas.data import EvaluationFactor
from service.settings import Limits
from tests.support.tables import KINDS, assert_same_factor

RNG = np.random.default_rng(5)
X = RNG.normal(size=(30, 2)) + np.array([1e6, 0.0])
LABELS = RNG.integers(0, 3, size=30)


def wire_of(x: Any, y: Any, **more: Any) -> dict[str, Any]:
    factor = factor_of_samples(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
    parts = {name: getattr(factor, name).tolist() for name in ("x_mean", "y_mean", "scale", "r")}
    return {"kind": "factor", "n": factor.n, **parts, **more}


def mapped(data: dict[str, Any], outputs: int = 1) -> MappedProblem:
    layers = [{"width": 2, "weight_decay": 0.1}, {"width": outputs, "weight_decay": 0.1}]
    return to_core(parse({"network": {"layers": layers}, "data": data}).request.problem, Limits())


def evaluated(data: dict[str, Any], outputs: int) -> Moments:
    found = mapped(data, outputs).core.evaluation
    assert found is not None
    return found


def mean_target(data: dict[str, Any], outputs: int) -> list[float]:
    mean = evaluated(data, outputs).y_mean
    assert mean is not None
    found: list[float] = mean.tolist()
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_the_factor_of_samples_stands_for_them(kind: str) -> None:
    table = KINDS[kind](np.random.default_rng(3), 50)
    x, y = table[:, :-1], table[:, -1:]
    read = factor_of(EvaluationFactor.model_validate(wire_of(x, y)), ("data",))
    assert_same_factor(read, factor_of_samples(x, y), 0.0)
    samples = mapped({"kind": "samples", "x": x.tolist(), "y": y.tolist()}).core.data
    found = mapped(wire_of(x, y)).core.data
    for name in ("xx", "xy", "x_mean", "y_mean"):
        np.testing.assert_array_equal(getattr(found, name), getattr(samples, name))
    assert (found.yy, found.n) == (samples.yy, samples.n)


def test_scales_may_be_any_positive_numbers() -> None:
    data = wire_of(X, LABELS[:, np.newaxis])
    factors = np.array([1e-300, 3.0, 1e300])
    data["scale"] = (np.array(data["scale"]) * factors).tolist()
    data["r"] = (np.array(data["r"]) / factors).tolist()
    found = factor_of(EvaluationFactor.model_validate(data), ("data",))
    assert_same_factor(found, factor_of_samples(X, LABELS[:, np.newaxis].astype(float)), 1e-14)
    assert (np.frexp(found.scale)[0] == 0.5).all()


def change(name: str, *at: int, to: Any) -> Callable[[dict[str, Any]], None]:
    def changed(data: dict[str, Any]) -> None:
        if not at:
            data[name] = to
            return
        part = data[name]
        for step in at[:-1]:
            part = part[step]
        part[at[-1]] = to

    return changed


R = np.triu(np.ones((3, 3))).tolist()
WRONG: dict[str, tuple[Callable[[dict[str, Any]], None], tuple[str | int, ...], str]] = {
    "no samples": (change("n", to=0), ("n",), "at least 1"),
    "no n": (lambda data: data.pop("n"), ("n",), "is required"),
    "scales too few": (change("scale", to=[1.0, 1.0]), ("scale",), "3 entries"),
    "a scale of zero": (change("scale", 1, to=0.0), ("scale", 1), "greater than 0"),
    "a negative scale": (change("scale", 2, to=-1.0), ("scale", 2), "greater than 0"),
    "an infinite scale": (change("scale", 0, to=float("inf")), ("scale", 0), "finite"),
    "a ragged factor": (change("r", 1, to=[0.0, 1.0]), ("r", 1), "3 entries"),
    "a factor too small": (change("r", to=[[1.0, 2.0], [0.0, 1.0]]), ("r",), "3 x 3"),
    "a factor not square": (change("r", to=R[:2]), ("r",), "3 x 3"),
    "below the diagonal": (change("r", 2, 1, to=1e-9), ("r", 2, 1), "below the diagonal"),
    "not a number in the factor": (change("r", 0, 1, to=float("nan")), ("r", 0, 1), "finite"),
    "deviations beyond the largest number": (
        lambda data: [change("r", 0, 0, to=1e200)(data), change("scale", 0, to=1e200)(data)],  # type: ignore[dict-item]  # called for what it does
        ("scale", 0),
        "within double precision",
    ),
    "one sample that deviates": (change("n", to=1), ("r",), "single sample"),
    "classes of another number": (change("classes", to=[0, 1]), ("classes",), "as many entries"),
    "a single class": (change("classes", to=[0]), ("classes",), "at least two"),
    "targets too large": (change("y_mean", 0, to=1e155), ("y_mean",), "1e+154"),
    "labels without classes": (change("task", to="classification"), ("task",), "has no classes"),
    "an unknown field": (change("xx", to=[[1.0]]), ("xx",), "not a known field"),
}


# held-out data have no task of their own
CASES = [
    (name, held_out) for name in WRONG for held_out in (False, True) if not (held_out and "task" in WRONG[name][1])
]


@pytest.mark.parametrize(("name", "held_out"), CASES)
def test_what_is_wrong_is_named(name: str, held_out: bool) -> None:
    spoil, at, says = WRONG[name]
    data = wire_of(X, LABELS[:, np.newaxis])
    spoil(data)
    asked = {**wire_of(X, LABELS[:, np.newaxis]), "evaluation": data} if held_out else data
    place = ("data", "evaluation") if held_out else ("data",)
    with pytest.raises(InputError) as caught:
        mapped(asked)
    assert [problem.location for problem in caught.value.fields] == [(*place, *at)]
    assert says in caught.value.detail


def one_hot(labels: Any, classes: tuple[int, ...]) -> Any:
    return (np.asarray(labels)[:, np.newaxis] == np.array(classes)).astype(float)


@pytest.mark.parametrize(
    "held_out",
    [
        {"kind": "samples", "x": X[:5].tolist(), "y": [7, 1, 4, 4, 1]},
        {"kind": "samples", "x": X[:5].tolist(), "y": one_hot([7, 1, 4, 4, 1], (1, 4, 7)).tolist()},
        wire_of(X[:5], one_hot([7, 1, 4, 4, 1], (1, 4, 7)), classes=[1, 4, 7]),
        wire_of(X[:5], one_hot([7, 1, 4, 4, 1], (1, 4, 7))),
    ],
    ids=["labels", "coded", "factor with classes", "factor without"],
)
def test_held_out_data_beside_one_hot_targets(held_out: dict[str, Any]) -> None:
    labels = np.array([1, 4, 7])[LABELS]
    data = {**wire_of(X, one_hot(labels, (1, 4, 7)), classes=[1, 4, 7]), "evaluation": held_out}
    assert mapped(data, 3).data.classes == (1, 4, 7)
    expected = moments_of_factor(factor_of_samples(X[:5], one_hot([7, 1, 4, 4, 1], (1, 4, 7))))
    np.testing.assert_allclose(evaluated(data, 3).xy, expected.xy, rtol=1e-12, atol=1e-9)


def test_held_out_classes_may_be_fewer_and_none_may_be_foreign() -> None:
    data = wire_of(X, one_hot(LABELS, (0, 1, 2)), classes=[0, 1, 2])
    few = wire_of(X[:4], one_hot([0, 2, 2, 0], (0, 2)), classes=[0, 2])
    assert mean_target({**data, "evaluation": few}, 3) == pytest.approx([0.5, 0.0, 0.5])
    for foreign in (
        wire_of(X[:4], one_hot([0, 3, 3, 0], (0, 3)), classes=[0, 3]),
        {"kind": "samples", "x": X[:1].tolist(), "y": [3]},
    ):
        with pytest.raises(InputError, match=r"class of the data|label that occurs"):
            mapped({**data, "evaluation": foreign}, 3)


@pytest.mark.parametrize("labels", [[1, 0, 1], [1, -1, 1]])
def test_two_classes_on_one_output_take_labels_and_signs(labels: list[int]) -> None:
    targets = LABELS > 0
    data = wire_of(X, one_hot(targets, (0, 1)), classes=[0, 1])
    held_out = {"kind": "samples", "x": X[:3].tolist(), "y": labels}
    found = mapped(data).core.data.y_mean
    assert found is not None
    assert float(found[0]) == pytest.approx(float(np.mean(2.0 * targets - 1.0)), rel=1e-14)
    assert mean_target({**data, "evaluation": held_out}, 1) == pytest.approx([1.0 / 3.0])
    with pytest.raises(InputError, match="must be 1 or 2"):
        mapped(data, 3)


def test_samples_with_labels_take_a_factor_with_classes() -> None:
    data = {"kind": "samples", "x": X.tolist(), "y": LABELS.tolist(), "task": "classification"}
    held_out = wire_of(X[:4], one_hot([0, 2, 2, 1], (0, 1, 2)), classes=[0, 1, 2])
    assert mean_target({**data, "evaluation": held_out}, 3) == pytest.approx([0.25, 0.25, 0.5])
    held_out.pop("classes")
    with pytest.raises(InputError, match="is required: the data are labelled"):
        mapped({**data, "evaluation": held_out}, 3)


def test_an_answer_tells_its_factor_and_is_that_of_the_samples() -> None:
    y = X @ [[1e-6], [1.0]] + 0.1 * RNG.normal(size=(30, 1))
    layers = [{"width": 2, "weight_decay": 0.01}, {"width": 1, "weight_decay": 0.01}]
    network = {"layers": layers, "bias": "output"}
    found = [
        minima(parse({"network": network, "data": data}).request, Limits())
        for data in (wire_of(X, y), {"kind": "samples", "x": X.tolist(), "y": y.tolist()})
    ]
    assert found[0].data.kind == "factor"
    assert found[0].status == found[1].status
    assert found[0].global_minimum.loss == pytest.approx(found[1].global_minimum.loss, rel=1e-13)
    maps = [each.global_minimum.end_to_end_map for each in found]
    np.testing.assert_allclose(np.array(maps[0]), np.array(maps[1]), rtol=1e-12)
