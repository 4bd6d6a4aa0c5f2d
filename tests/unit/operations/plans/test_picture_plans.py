"""Extreme but legal requests for pictures are answered with finite numbers or refused on purpose."""

import json
from typing import Any

import pytest

from service.errors import InputError, ServiceError
from service.jobs.codec import decode
from service.jobs.inline import run_inline
from service.operations.asking import ask
from service.operations.plans.columns import plain
from service.schemas.problem import DESIGN_EXAMPLE
from service.schemas.slices import SLICE_EXAMPLE
from service.settings import Limits

TANH = SLICE_EXAMPLE["problem"]
HUGE = {"weights": [[[1e200]] * 4, [[1e200] * 4]], "biases": [[0.0] * 4, [0.0]]}


def network(activation: str, decay: float = 0.0) -> dict[str, Any]:
    layers = [{"width": 4, "activation": activation, "weight_decay": decay}, {"width": 1, "weight_decay": decay}]
    return {"layers": layers, "bias": "all"}


def samples(x: list[float], y: list[float]) -> dict[str, Any]:
    return {"kind": "samples", "x": [[value] for value in x], "y": y}


PROBLEMS: dict[str, dict[str, Any]] = {
    "ordinary": TANH,
    "moments": DESIGN_EXAMPLE,
    "infinite decay": {**TANH, "network": network("relu", 1e300)},
    "large data": {"network": network("quadratic"), "data": samples([1e69, -1e69, 3.0], [1.0, 2.0, 1e69])},
    "small data": {"network": network("softplus"), "data": samples([1e-160, -1e-160], [1e-200, 2.0])},
    "no signal": {"network": network("linear"), "data": samples([0.0, 0.0], [0.0, 0.0])},
    "one sample": {"network": network("relu"), "data": samples([1.0], [1.0])},
    "exponential loss": {
        "network": network("quadratic"),
        "data": samples([1.0, 50.0], [1.0, -1.0]),
        "objective": {"loss": "exponential"},
    },
    "no hidden layer": {**TANH, "network": {"layers": [{"width": 1}]}},
}
ASKED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("slices", {}),
    ("slices", {"span": 1e-320}),
    ("slices", {"kind": "sharpness", "span": 1e6, "points": 2, "directions": 2}),
    ("slices", {"kind": "interpolation", "clip": 5e-324}),
    ("slices", {"kind": "line", "precision": "single", "span": 1e6, "clip": 1e300}),
    ("slices", {"at": "origin", "normalisation": "filter"}),
    ("slices", HUGE),
    ("spectra", {"broadening": 5e-324}),
    ("spectra", {"method": "lanczos", "probes": 1, "lanczos_steps": 2, "broadening": 1e308}),
    ("spectra", {"at": "origin", "method": "lanczos"}),
    ("spectra", HUGE),
    ("connectivity", {"rounds": 1, "round_steps": 2}),
    ("connectivity", {"ends": ["origin", "origin"], "rounds": 0, "widths": [2, 1, 2], "runs": 2}),
    ("connectivity", {"ends": [HUGE, "origin"], "rounds": 1, "round_steps": 2}),
)


def answered(operation: str, body: dict[str, Any]) -> Any:
    question = ask(operation, body, Limits())
    assert question.loaded.work is not None
    return plain(decode(run_inline(question.plan(Limits()), question.loaded.work.guarded())))


@pytest.mark.parametrize("name", PROBLEMS)
def test_extremes_end_in_finite_numbers_or_in_a_reason(name: str) -> None:
    finite = 0
    for operation, asked in ASKED:
        body = {"problem": PROBLEMS[name], "training_steps": 20, "points": 7, **asked}
        try:
            answer = answered(operation, body)
        except ServiceError:
            continue
        json.dumps(answer, allow_nan=False)
        finite += 1
    assert finite >= 1


@pytest.mark.parametrize("method", ["exact", "lanczos"])
@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_a_spectrum_of_zeros_is_one_peak(activation: str, method: str) -> None:
    layers = [{"width": 2, "activation": activation}, {"width": 1}]
    body = {"problem": {"network": {"layers": layers}, "data": samples([0.0], [-0.9])}, "at": "trained", "points": 21}
    answer = answered("spectra", {**body, "method": method})
    assert (answer["least"]["value"], answer["largest"]["value"]) == (0.0, 0.0)
    assert answer["shares"]["zero"] == 1.0
    grid = answer["density"]["eigenvalue"]
    assert sum(answer["density"]["density"]) * (grid[1] - grid[0]) == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize(("kind", "rows"), [("line", 1), ("interpolation", 1), ("sharpness", 20)])
def test_a_slice_has_as_many_directions_as_its_kind_wants(kind: str, rows: int) -> None:
    body = {**SLICE_EXAMPLE, "kind": kind, "points": 3, **({"to": "origin"} if kind == "interpolation" else {})}
    assert len(ask("slices", body, Limits()).plan(Limits()).arrays["slice_rows"]) == rows


def test_a_round_of_bending_goes_on_from_the_one_before_and_never_raises_the_barrier() -> None:
    body = {"problem": TANH, "ends": ["trained", "trained"], "training_steps": 30, "points": 5, "round_steps": 2}
    barriers = []
    for rounds in (1, 3):
        question = ask("connectivity", {**body, "rounds": rounds}, Limits())
        work = question.loaded.work
        assert work is not None
        bent = decode(run_inline(question.plan(Limits()), work.guarded()))["bezier"]
        assert len(bent["loss"]) == 5
        barriers.append(bent["barrier"])
    assert barriers[1] <= barriers[0]


def test_training_at_several_widths_is_done_as_often_as_asked() -> None:
    body = {"problem": TANH, "rounds": 0, "training_steps": 3, "points": 5, "widths": [1, 2], "runs": 3}
    found = answered("connectivity", body)
    assert found["widths"]["runs"] == 3


def test_noise_on_any_hidden_layer_is_refused_where_no_exact_loss_is_known() -> None:
    noise = {"kind": "gaussian", "variance": 0.1}
    for noisy in (0, 1):
        layers: list[dict[str, Any]] = [{"width": 3, "activation": "tanh"}, {"width": 3}, {"width": 1}]
        layers[noisy]["noise"] = noise
        with pytest.raises(InputError) as caught:
            answered("slices", {"problem": {**TANH, "network": {"layers": layers}}})
        assert caught.value.fields[0].location == ("problem", "network", "layers", noisy, "noise")


@pytest.mark.parametrize(
    ("problem", "limit"),
    [
        ({"network": {"layers": [{"width": 4}, {"width": 1}]}, "data": DESIGN_EXAMPLE["data"]}, "LARGEST"),
        ({"network": {"layers": [{"width": 4}, {"width": 1}], "bias": "all"}, "data": None}, "DENSE_LIMIT"),
        (TANH, "EXACT_WEIGHTS"),
    ],
)
def test_the_largest_network_has_an_exact_spectrum_and_a_larger_one_has_not(
    problem: dict[str, Any], limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if problem["data"] is None:
        problem = {**problem, "data": {**DESIGN_EXAMPLE["data"], "x_mean": [0.1], "y_mean": [0.2]}}
    weights = answered("spectra", {"problem": problem, "training_steps": 3})["weights"]
    for name in ("LARGEST", "DENSE_LIMIT", "EXACT_WEIGHTS"):
        # each kind of network has a limit of its own
        monkeypatch.setattr(f"service.operations.plans.spectra.{name}", weights if name == limit else 10_000)
    for method in ("auto", "exact"):
        assert answered("spectra", {"problem": problem, "training_steps": 3, "method": method})["method"] == "exact"
    monkeypatch.setattr(f"service.operations.plans.spectra.{limit}", weights - 1)
    assert answered("spectra", {"problem": problem, "training_steps": 3})["method"] == "lanczos"
    with pytest.raises(InputError) as caught:
        answered("spectra", {"problem": problem, "training_steps": 3, "method": "exact"})
    assert caught.value.fields[0].location == ("method",)
