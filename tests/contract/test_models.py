"""Free features, autoencoders and variational autoencoders over HTTP, and what `verify` says of their answers."""

import copy
import json
from typing import Any

import numpy as np
import pytest

from service.operations.verify import parse_answer, verify
from service.settings import Limits
from tests.contract.test_http import nulls_without_reason
from tests.serving import call

FEATURES: dict[str, Any] = {
    "network": {
        "model": "unconstrained_features",
        "class_counts": [5, 3, 1],
        "feature_weight_decay": 0.0225,
        "layers": [{"width": 3, "weight_decay": 0.0225}, {"width": 3, "weight_decay": 0.0225}],
    },
    "data": {"kind": "none", "inputs": 4},
    "objective": {"convention": "half_mean"},
}
RECONSTRUCTION = {
    "kind": "moments",
    "xx": [[2.0, 0.25, 0.0], [0.25, 1.0, 0.0], [0.0, 0.0, 0.25]],
    "xy": [[2.0, 0.25, 0.0], [0.25, 1.0, 0.0], [0.0, 0.0, 0.25]],
    "yy": 3.25,
}
VAE: dict[str, Any] = {
    "network": {"model": "linear_vae", "latent": 3, "beta": 1.5, "decoder_variance": 0.5, "layers": [{"width": 3}]},
    "data": RECONSTRUCTION,
}
LEARNED: dict[str, Any] = {
    "network": {"model": "linear_vae", "latent": 1, "layers": [{"width": 3}], "bias": "all"},
    "data": {**RECONSTRUCTION, "x_mean": [0.5, 0.25, 0.0], "y_mean": [0.5, 0.25, 0.0]},
}


def asked(base: str, problem: dict[str, Any]) -> Any:
    reply = call(base, "POST", "/v1/minima", {"problem": problem, "return": {"weights": "full", "problem": True}})
    assert reply.status == 200, reply.content
    return reply.json


def test_free_features_equal_samples_with_one_input_each(base: str) -> None:
    counts = FEATURES["network"]["class_counts"]
    layers = [{"width": 4, "weight_decay": 0.0225}, *FEATURES["network"]["layers"]]
    labels = np.repeat(np.eye(3), counts, axis=0).tolist()
    data = {"kind": "samples", "x": np.eye(9).tolist(), "y": labels}
    samples = asked(base, {"network": {"layers": layers}, "data": data, "objective": FEATURES["objective"]})
    answer = asked(base, FEATURES)
    for place in (("global_minimum", "loss"), ("thresholds", "critical_decay_scale"), ("origin", "barrier_height")):
        assert answer[place[0]][place[1]] == pytest.approx(samples[place[0]][place[1]], rel=1e-10)
    features = answer["features"]
    assert [item["learned"] for item in features["classes"]] == [True, True, False]
    assert features["geometry"] == "orthogonal_frame"
    assert features["count_threshold"] == pytest.approx(1.0309616869699862, rel=1e-9)
    inside = np.array(samples["global_minimum"]["end_to_end_map"])
    assert np.array(features["logits"])[:, [0] * 5 + [1] * 3 + [2]] == pytest.approx(inside, abs=1e-9)
    assert not nulls_without_reason(answer)


def test_balanced_classes_with_a_bias_form_a_simplex(base: str) -> None:
    problem = copy.deepcopy(FEATURES)
    problem["network"] |= {"class_counts": [3, 3, 3], "bias": "output", "feature_weight_decay": 0.005}
    features = asked(base, problem)["features"]
    assert features["geometry"] == "simplex_etf"
    assert features["cosines"][0][1] == pytest.approx(-0.5, abs=1e-12)
    assert features["reasons"]["count_threshold"]


@pytest.mark.parametrize(
    "changes",
    [
        {"class_counts": [5], "layers": [{"width": 1, "weight_decay": 0.01}], "bias": "output"},
        {"layers": [{"width": 3}]},
        {"layers": [{"width": 3, "weight_decay": 0.01}], "input_noise": {"kind": "dropout", "rate": 0.25}},
    ],
    ids=["one class, which the bias fits", "an infimum that is not attained", "noise on the features"],
)
def test_numbers_of_free_features_that_do_not_exist_say_why(base: str, changes: dict[str, Any]) -> None:
    problem = copy.deepcopy(FEATURES)
    problem["network"] |= changes
    answer = asked(base, problem)
    assert answer["status"] == "exact"
    assert not nulls_without_reason({**answer, "problem": {}})
    assert answer["features"]["reasons"]["count_threshold"]


def test_latents_collapse_at_their_thresholds(base: str) -> None:
    """By hand: strengths are the eigenvalues of xx; latent i is active iff its eigenvalue exceeds beta v = 0.75."""
    answer = asked(base, VAE)
    values = np.linalg.eigvalsh(np.array(RECONSTRUCTION["xx"]))[::-1]
    latents = answer["variational"]["latents"]
    assert [latent["active"] for latent in latents] == [True, True, False]
    assert [latent["collapse_beta"] for latent in latents] == pytest.approx(list(values / 0.5), rel=1e-12)
    expected = sum(0.75 * (1 + np.log(value / 0.75)) for value in values[:2]) + values[2]
    assert answer["global_minimum"]["loss"] == pytest.approx(expected, rel=1e-12)
    assert answer["status"] == "exact"
    assert not nulls_without_reason(answer)


def test_the_learned_variance_is_that_of_principal_components(base: str) -> None:
    answer = asked(base, LEARNED)
    mean = np.array(LEARNED["data"]["x_mean"])
    values = np.linalg.eigvalsh(np.array(RECONSTRUCTION["xx"]) - np.outer(mean, mean))[::-1]
    assert answer["variational"]["decoder_variance"] == pytest.approx(float(np.mean(values[1:])), rel=1e-12)


def test_linear_and_denoising_autoencoders_are_networks_whose_targets_are_the_inputs(base: str) -> None:
    layers = [{"width": 2, "weight_decay": 0.25}, {"width": 3, "weight_decay": 0.25}]
    plain = asked(base, {"network": {"layers": layers}, "data": RECONSTRUCTION})
    assert plain["solver"] == "autoencoder"
    assert plain["status"] == "exact"
    noise = {"kind": "gaussian", "variance": 0.5}
    undecayed = [{"width": 2}, {"width": 3}]
    denoising = asked(base, {"network": {"layers": undecayed, "input_noise": noise}, "data": RECONSTRUCTION})
    xx = np.array(RECONSTRUCTION["xx"])
    noisy = xx + 0.5 * np.diag(np.diag(xx))
    values = np.linalg.eigvalsh(xx @ np.linalg.solve(noisy, xx))[::-1]
    assert denoising["global_minimum"]["loss"] == pytest.approx(float(np.trace(xx) - values[0] - values[1]), rel=1e-10)


@pytest.mark.parametrize("problem", [FEATURES, VAE, LEARNED], ids=["features", "vae", "learned variance"])
def test_verify_recomputes_and_finds_what_was_changed(base: str, problem: dict[str, Any]) -> None:
    answer = asked(base, problem)
    found = verify(parse_answer(answer), Limits())
    assert found.agrees, [check for check in found.checks if not check.agrees]
    assert any(check.how == "recomputed" and check.field == "certificate.lower_bound" for check in found.checks)
    answer["global_minimum"]["weights"][1][0][0] += 1e-3
    wrong = verify(parse_answer(answer), Limits())
    assert not wrong.agrees
    assert any(not check.agrees and check.how == "recomputed" for check in wrong.checks)


X = [[1.0, 0.5], [-0.5, 1.0], [0.25, -1.5], [-1.0, 0.0], [0.5, 0.75]]
Y = [[1.0, -0.5], [0.0, 1.0], [0.5, -1.0], [-1.5, 0.25], [1.0, 0.5]]
DECAYED = {"width": 2, "weight_decay": 0.05}
REDUCIBLE: dict[str, dict[str, Any]] = {
    "frozen": {"network": {"layers": [{"width": 2, "frozen_weights": [[1.0, 0.5], [0.0, 1.0]]}, DECAYED, DECAYED]}},
    "decayed skip": {
        "network": {
            "layers": [DECAYED, DECAYED],
            "skips": [{"from": 0, "to": 2, "kind": "trainable", "weight_decay": 0.25}],
            "bias": "output",
            "bias_weight_decay": 0.0,
        },
        "objective": {"convention": "torch"},
    },
    "identity": {
        "network": {"layers": [DECAYED, DECAYED], "skips": [{"from": 0, "to": 2, "kind": "identity"}]},
    },
    "weighted": {
        "network": {"layers": [{"width": 1}, {"width": 2}], "bias": "all"},
        "objective": {"loss": "weighted_squared", "weights": [4.0, 1.0], "convention": "half_sum"},
    },
}


@pytest.mark.parametrize("name", REDUCIBLE)
def test_frozen_layers_skips_and_weights_over_http(base: str, name: str) -> None:
    answer = asked(base, {**REDUCIBLE[name], "data": {"kind": "samples", "x": X, "y": Y}})
    assert answer["status"] in ("exact", "certified")
    assert answer["reductions"]
    assert "linear-reductions" in answer["theorems"]
    assert not nulls_without_reason({**answer, "problem": {}})
    found = verify(parse_answer(answer), Limits())
    assert found.agrees, [check for check in found.checks if not check.agrees]
    wrong = copy.deepcopy(answer)
    trained = (
        wrong["global_minimum"]["skip_weights"][0] if name == "decayed skip" else wrong["global_minimum"]["weights"][-1]
    )
    trained[0][0] += 1e-3
    assert not verify(parse_answer(wrong), Limits()).agrees


def test_frozen_weights_that_were_changed_are_named(base: str) -> None:
    answer = asked(base, {**REDUCIBLE["frozen"], "data": {"kind": "samples", "x": X, "y": Y}})
    answer["global_minimum"]["weights"][0][0][0] += 1e-3
    found = verify(parse_answer(answer), Limits())
    assert any(check.found == "changed" for check in found.checks if not check.agrees)


def test_what_cannot_be_removed_is_refused_by_name(base: str) -> None:
    problem = copy.deepcopy(REDUCIBLE["identity"])
    problem["network"]["skips"][0]["kind"] = "diagonal"
    reply = call(base, "POST", "/v1/minima", {**problem, "data": {"kind": "samples", "x": X, "y": Y}})
    assert reply.status == 422
    assert "is of kind diagonal" in json.dumps(reply.json)


def test_a_collapsed_minimum_has_factors_too(base: str) -> None:
    layers = [{"width": 2, "weight_decay": 10.0}, {"width": 2, "weight_decay": 10.0}]
    body = {
        "problem": {"network": {"layers": layers}, "data": {"kind": "samples", "x": X, "y": Y}},
        "return": {"weights": "factors"},
    }
    reply = call(base, "POST", "/v1/minima", body)
    assert reply.status == 200
    assert reply.json["global_minimum"]["trivial"]
    assert reply.json["global_minimum"]["weights"][0]["shape"] == [2, 2]


@pytest.mark.parametrize("path", ["/v1/landscape", "/v1/ranks"])
def test_other_analyses_refuse_other_models_by_name(base: str, path: str) -> None:
    reply = call(base, "POST", path, FEATURES)
    assert reply.status == 422
    assert reply.json["errors"][0]["pointer"] == "/network/model"
