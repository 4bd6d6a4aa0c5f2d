"""The part `flatness` of an answer about minima, and sharpness and step of a diagnosis."""

import copy
from typing import Any

import numpy as np
import pytest

from service.operations.cost import estimate_s
from service.operations.diagnose import diagnose
from service.operations.diagnose import parse as parse_diagnosis
from service.operations.minima import minima, parse
from service.operations.verify import verify
from service.schemas.flatness import MinimumFlatness
from service.schemas.problem import DESIGN_EXAMPLE
from service.settings import Limits

MOMENTS: dict[str, Any] = {
    "kind": "moments",
    "xx": [[1.0, 0.0], [0.0, 1.0]],
    "xy": [[8.0, 0.0], [0.0, 1.0]],
    "yy": 80.0,
    "n": 10,
}
NULLABLE = (
    *("sharpness", "sharpness_evidence", "stable_step", "least_sharpness", "least_sharpness_lower_bound", "evidence"),
    *("because", "largest_step", "largest_step_upper_bound", "gauss_newton_spectrum", "ntk_spectrum"),
)


def body_of(layers: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    return {"problem": {"network": {"layers": layers}, "data": MOMENTS, **fields}, "include": ["flatness"]}


def flatness(body: dict[str, Any]) -> MinimumFlatness:
    found = minima(parse(body).request, Limits()).flatness
    assert found is not None
    return found


def problems() -> dict[str, dict[str, Any]]:
    """One for each way in which something is known or not."""
    plain = [{"width": 2}, {"width": 2}, {"width": 2}]
    noise = {"kind": "dropout", "rate": 0.2}
    network = {"model": "linear_vae", "latent": 2, "beta": 1.5, "decoder_variance": 0.4, "layers": [{"width": 2}]}
    vae = {"network": network, "data": {**MOMENTS, "xy": MOMENTS["xx"], "yy": 2.0}}
    binary = {"kind": "samples", "x": [[1.0], [-1.0], [0.5]], "y": [1.0, -1.0, -1.0]}
    centred = {**MOMENTS, "x_mean": [0.5, 0.0], "y_mean": [0.0, 0.0]}
    return {
        "plain": body_of(plain),
        "decayed": body_of([{**layer, "weight_decay": 0.1} for layer in plain]),
        "decayed in part": body_of([{"width": 2, "weight_decay": 0.1}, {"width": 2}]),
        "collapsed": body_of([{**layer, "weight_decay": 100.0} for layer in plain]),
        "noise": body_of([{"width": 4, "weight_decay": 0.1, "noise": noise}, {"width": 2, "weight_decay": 0.1}]),
        "noise alone": body_of([{"width": 4, "noise": noise}, {"width": 2}]),
        "bottleneck": body_of([{"width": 1}, {"width": 2}]),
        "nothing to learn": body_of(plain, data={**MOMENTS, "xy": [[0.0, 0.0], [0.0, 0.0]]}),
        "frozen": body_of([{"width": 2, "frozen_weights": [[1.0, 0.0], [0.0, 1.0]]}, {"width": 2}]),
        "skip": body_of(plain, network={"layers": plain, "skips": [{"from": 1, "to": 2, "kind": "identity"}]}),
        "biases": body_of(plain, network={"layers": plain, "bias": "all"}, data=centred),
        "output bias": body_of(plain, network={"layers": plain, "bias": "output"}, data=centred),
        "tiny inputs": body_of(plain, data={**MOMENTS, "xx": [[1e-300, 0.0], [0.0, 1e-300]], "xy": [[0, 0], [0, 0]]}),
        "another loss": body_of([{"width": 1}], data=binary, objective={"loss": "logistic"}),
        "another model": {"problem": vae, "include": ["flatness"]},
    }


@pytest.mark.parametrize("name", problems())
def test_every_null_has_its_reason(name: str) -> None:
    found = flatness(problems()[name])
    missing = {field for field in NULLABLE if getattr(found, field) is None}
    assert missing == set(found.reasons)
    assert all(found.reasons.values())


@pytest.mark.parametrize(
    ("name", "field", "words"),
    [
        ("bottleneck", "largest_step", "bottleneck"),
        ("noise", "gauss_newton_spectrum", "random"),
        ("noise", "least_sharpness", "several outputs"),
        ("noise alone", "least_sharpness", "without decay"),
        ("decayed in part", "sharpness", "no weights attain"),
        ("nothing to learn", "largest_step", "no limit"),
        ("frozen", "least_sharpness", "not trained"),
        ("skip", "sharpness", "skip"),
        ("biases", "least_sharpness", "biases of hidden layers"),
        ("another loss", "sharpness", "squared loss"),
        ("another model", "sharpness", "feedforward"),
    ],
)
def test_reasons_say_why(name: str, field: str, words: str) -> None:
    assert words in flatness(problems()[name]).reasons[field]


def test_by_hand() -> None:
    # 2 L s^(2 - 2/L) with s = 8, L = 3; the kernel has sum_l s_i^(2(3-l)/3) s_j^(2(l-1)/3) = 48, 21, 21, 3
    found = flatness(problems()["plain"])
    assert found.least_sharpness == pytest.approx(96.0, rel=1e-12)
    assert found.largest_step == pytest.approx(2.0 / 96.0, rel=1e-12)
    assert found.ntk_spectrum == pytest.approx([48.0, 21.0, 21.0, 3.0], rel=1e-10)
    assert found.gauss_newton_spectrum == pytest.approx([96.0, 42.0, 42.0, 6.0], rel=1e-10)
    assert found.evidence == "proved"
    assert found.sharpness == pytest.approx(96.0, rel=1e-10)


@pytest.mark.parametrize(
    ("convention", "factor"), [("mean", 1.0), ("half_mean", 0.5), ("sum", 10.0), ("half_sum", 5.0), ("torch", 0.5)]
)
def test_steps_are_those_of_the_caller_s_objective(convention: str, factor: float) -> None:
    found = flatness(body_of([{"width": 2}] * 3, objective={"convention": convention}))
    assert found.sharpness == pytest.approx(96.0 * factor, rel=1e-10)
    assert found.largest_step == pytest.approx(2.0 / (96.0 * factor), rel=1e-10)
    assert found.gauss_newton_spectrum is not None
    assert found.gauss_newton_spectrum[0] == pytest.approx(96.0 * factor, rel=1e-10)
    assert found.ntk_spectrum is not None
    assert found.ntk_spectrum[0] == pytest.approx(48.0, rel=1e-10)


def test_with_decay_the_minimum_is_the_flattest() -> None:
    found = flatness({**copy.deepcopy(DESIGN_EXAMPLE), "include": ["flatness"]})
    assert found.evidence == "proved"
    assert found.least_sharpness == found.sharpness
    assert found.largest_step == found.stable_step


def test_a_diagnosis_agrees_with_the_minimum() -> None:
    body = problems()["decayed"]
    answer = minima(parse({**body, "return": {"weights": "full"}}).request, Limits())
    weights = [np.array(weight).tolist() for weight in answer.global_minimum.weights or ()]
    found = diagnose(parse_diagnosis({"problem": body["problem"], "weights": weights}).request, Limits())
    assert answer.flatness is not None
    assert found.sharpness == pytest.approx(answer.flatness.sharpness, rel=1e-9)
    assert found.largest_step == pytest.approx(answer.flatness.stable_step, rel=1e-9)


def test_it_is_verified() -> None:
    answer = minima(parse({**problems()["plain"], "return": {"weights": "factors", "problem": True}}).request, Limits())
    assert answer.flatness is not None
    assert [check.field for check in verify(answer, Limits()).checks if not check.agrees] == []
    wrong = answer.flatness.model_copy(update={"least_sharpness": 95.9})
    changed = answer.model_copy(update={"flatness": wrong})
    assert [c.field for c in verify(changed, Limits()).checks if not c.agrees] == ["flatness.least_sharpness"]


def test_its_cost_is_counted() -> None:
    wide = body_of([{"width": 300, "noise": {"kind": "dropout", "rate": 0.5}}, {"width": 300}, {"width": 1}])
    assert estimate_s(parse(wide).request) > 1.0
    assert estimate_s(parse({**wide, "include": []}).request) < 0.5


def diagnosed(network: dict[str, Any], weights: list[Any], data: dict[str, Any]) -> Any:
    return diagnose(parse_diagnosis({"network": network, "data": data, "weights": weights}).request, Limits())


def test_a_diagnosis_by_hand() -> None:
    # f = u w x, E x^2 = 1, E x y = 1: at u = w = 1 the Hessian is 2 [[1, 1], [1, 1]]
    data = {"kind": "moments", "xx": [[1.0]], "xy": [[1.0]], "yy": 2.0}
    found = diagnosed({"layers": [{"width": 1}, {"width": 1}]}, [[[1.0]], [[1.0]]], data)
    assert (found.sharpness, found.largest_step) == (pytest.approx(4.0), pytest.approx(0.5))


def test_a_diagnosis_of_many_weights() -> None:
    rng = np.random.default_rng(0)
    weights = [(rng.normal(size=(40, 30)) / 6.0).tolist(), (rng.normal(size=(1, 40)) / 6.0).tolist()]
    x = rng.normal(size=(50, 30))
    samples = {"kind": "samples", "x": x.tolist(), "y": x[:, 0].tolist()}
    network = {"layers": [{"width": 40}, {"width": 1}]}
    found = diagnosed(network, weights, samples)
    bent = diagnosed({"layers": [{"width": 40, "activation": "tanh"}, {"width": 1}]}, weights, samples)
    hidden = x @ np.array(weights[0]).T
    slopes = np.hstack([hidden, (np.array(weights[1])[0][None, :, None] * x[:, None, :]).reshape(50, -1)])
    least = 2.0 / 50.0 * float(np.linalg.eigvalsh(slopes @ slopes.T)[-1])
    errors = hidden @ np.array(weights[1])[0] - x[:, 0]
    # the residual moves eigenvalues by no more than the norm of its cross term
    moved = 2.0 * float(np.linalg.norm(x.T @ errors / 50.0))
    assert abs(found.sharpness - least) <= moved
    assert bent.sharpness is not None
    assert bent.largest_step == pytest.approx(2.0 / bent.sharpness)


def test_a_diagnosis_without_curvature_has_a_reason() -> None:
    network = {"layers": [{"width": 1}, {"width": 1}, {"width": 1}]}
    data = {"kind": "moments", "xx": [[1.0]], "xy": [[1.0]], "yy": 2.0}
    found = diagnosed(network, [[[0.0]], [[0.0]], [[0.0]]], data)
    assert found.sharpness == 0.0
    assert found.largest_step is None
    assert "no limit" in found.reasons["largest_step"]
    relu = {"layers": [{"width": 1, "activation": "relu"}, {"width": 1}]}
    kinked = diagnosed(relu, [[[0.0]], [[1.0]]], {"kind": "samples", "x": [[1.0], [2.0]], "y": [1.0, 0.0]})
    assert kinked.sharpness is None
    assert "kink" in kinked.reasons["sharpness"]
    assert "kink" in kinked.reasons["largest_step"]
