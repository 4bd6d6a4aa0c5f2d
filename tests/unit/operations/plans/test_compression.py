"""Compressions: equal to direct decompositions, whatever the form of the layers and however they are cut."""

from typing import Any

import numpy as np
import pytest

from service.errors import InputError
from service.jobs.codec import decode
from service.jobs.inline import run_inline
from service.operations.asking import ask
from service.operations.drawing.rendering import render
from service.operations.minima import minima, parse
from service.operations.plans import compression as plans
from service.operations.plans.columns import plain
from service.schemas.compression import EXAMPLES
from service.settings import Limits

LIMITS = Limits()
Json = dict[str, Any]
ALL: Json = {"factors": True}


def compressed(body: Json) -> Json:
    question = ask("compression", body, LIMITS)
    assert question.loaded.work is not None
    found: Json = plain(decode(run_inline(question.plan(LIMITS), question.loaded.work.guarded())))
    return found


def layers(seed: int = 0) -> list[Json]:
    """One layer of each kind."""
    rng = np.random.default_rng(seed)
    made = []
    for kind in ("white", "moments", "samples"):
        outputs, inputs = (int(size) for size in rng.integers(6, 15, 2))
        weights = rng.normal(size=(outputs, inputs)) * 0.5 ** np.arange(inputs)
        x = rng.normal(size=(40, inputs)) @ rng.normal(size=(inputs, inputs))
        held = {"moments": {"xx": (x.T @ x / 40.0).tolist()}, "samples": {"x": x.tolist()}}.get(kind, {})
        made.append({"name": kind, "weights": weights.tolist(), "activations": {"kind": kind, **held}})
    return made


def seen(layer: Json, matrix: Any) -> Any:
    """The matrix times a root of the second moments of the inputs."""
    held = layer.get("activations", {"kind": "white"})
    if held["kind"] == "moments":
        values, vectors = np.linalg.eigh(np.array(held["xx"]))
        return matrix @ (vectors * np.sqrt(np.maximum(values, 0.0)))
    return matrix @ np.array(held["x"]).T / np.sqrt(len(held["x"])) if held["kind"] == "samples" else matrix


def test_errors_and_factors_are_those_of_direct_decompositions() -> None:
    sent = layers()
    found = compressed({"layers": sent, "budget": 0.5, "return": ALL})
    assert found["status"] == "certified"
    assert found["total"]["numbers_after"] <= 0.5 * found["total"]["numbers_before"]
    for layer, answer in zip(sent, found["layers"], strict=True):
        weights = np.array(layer["weights"])
        values = np.linalg.svd(seen(layer, weights), compute_uv=False)
        errors = [float(np.sum(values[rank:] ** 2)) for rank in range(min(weights.shape) + 1)]
        assert answer["errors"] == pytest.approx(errors, abs=1e-12 * errors[0])
        assert answer["error"] == answer["errors"][answer["rank"]]
        product = np.array(answer["factors"]["left"]) @ np.array(answer["factors"]["right"])
        assert np.sum(seen(layer, weights - product) ** 2) == pytest.approx(answer["error"], abs=1e-12 * errors[0])
        assert answer["numbers_after"] == answer["rank"] * sum(weights.shape)
    assert found["total"]["error"] == pytest.approx(sum(layer["error"] for layer in found["layers"]))
    assert found["rank_pattern"] == {layer["name"]: layer["rank"] for layer in found["layers"]}


def test_corrections_are_of_what_is_missing() -> None:
    sent = layers()
    rounded = [{**layer, "correction_of": np.round(np.array(layer["weights"]), 1).tolist()} for layer in sent]
    missing = [
        {**layer, "weights": (np.array(layer["weights"]) - np.round(np.array(layer["weights"]), 1)).tolist()}
        for layer in sent
    ]
    ranks = [2, 1, 3]
    found, expected = (compressed({"layers": each, "ranks": ranks, "return": ALL}) for each in (rounded, missing))
    assert found["layers"] == expected["layers"]
    budget = compressed({"layers": rounded, "budget": 0.3})
    assert not any(layer["kept_dense"] for layer in budget["layers"])


def test_an_error_that_a_budget_reaches_needs_no_more_numbers() -> None:
    sent = layers(1)
    by_budget = compressed({"layers": sent, "budget": 0.4})
    by_error = compressed({"layers": sent, "error": by_budget["total"]["error"]})
    assert by_error["certificate"]["quantity"] == "numbers"
    assert by_error["total"]["numbers_after"] <= by_budget["total"]["numbers_after"]
    assert by_error["certificate"]["lower_bound"] == by_error["total"]["numbers_after"]
    share = by_budget["total"]["relative_error"]
    assert compressed({"layers": sent, "error": share, "relative": True})["layers"] == by_error["layers"]


def test_known_spectra_give_what_their_matrices_give() -> None:
    sent = layers(2)
    known = [
        {
            "name": layer["name"],
            "shape": list(np.shape(layer["weights"])),
            "singular_values": np.linalg.svd(seen(layer, np.array(layer["weights"])), compute_uv=False)[
                : min(np.shape(layer["weights"]))
            ].tolist(),
        }
        for layer in sent
    ]
    first, second = compressed({"layers": sent}), compressed({"layers": known})
    assert [layer["rank"] for layer in first["layers"]] == [layer["rank"] for layer in second["layers"]]
    assert second["total"]["error"] == pytest.approx(first["total"]["error"], rel=1e-10)


def test_small_outputs_count_as_much_as_large_ones_by_shares() -> None:
    sent = layers(3)
    scaled = [
        {**layer, "weights": (1e3**place * np.array(layer["weights"])).tolist()} for place, layer in enumerate(sent)
    ]
    first, second = (compressed({"layers": each, "weighting": "relative"}) for each in (sent, scaled))
    assert [layer["rank"] for layer in first["layers"]] == [layer["rank"] for layer in second["layers"]]
    assert second["total"]["error"] == pytest.approx(first["total"]["error"])
    assert first["total"]["error"] == pytest.approx(sum(layer["relative_error"] for layer in first["layers"]))


def test_what_is_singular_is_told() -> None:
    (layer,) = layers()[:1]
    few = {"kind": "samples", "x": np.random.default_rng(0).normal(size=(3, np.shape(layer["weights"])[1])).tolist()}
    found = compressed({"layers": [{**layer, "activations": few}], "ranks": [3], "return": ALL})
    assert found["layers"][0]["input_rank"] == 3
    assert found["layers"][0]["error"] == pytest.approx(0.0, abs=1e-20)
    assert "have 3 of" in found["notes"][1]


def test_moments_of_single_precision_are_taken_and_those_of_no_data_refused() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 9)).astype(np.float32)
    rounded = (x.T @ x / np.float32(4.0)).astype(float)
    layer = {"name": "up", "weights": rng.normal(size=(5, 9)).tolist()}
    found = compressed({"layers": [{**layer, "activations": {"kind": "moments", "xx": rounded.tolist()}}]})
    assert found["layers"][0]["input_rank"] == 4
    wrong = np.eye(9) + np.where(np.eye(9) > 0.0, 0.0, 2.0)
    with pytest.raises(InputError, match="positive semidefinite"):
        compressed({"layers": [{**layer, "activations": {"kind": "moments", "xx": wrong.tolist()}}]})


def test_nothing_is_said_means_half_or_the_least() -> None:
    assert compressed({"layers": layers()})["total"]["ratio"] <= 0.5
    tiny = {"layers": [{"name": "tiny", "weights": [[1.0, 2.0, 3.0], [1.0, 0.0, 1.0], [0.0, 1.0, 2.0]]}]}
    assert compressed(tiny)["layers"][0]["rank"] == 1


def test_given_ranks_may_be_any_and_are_exact() -> None:
    sent = layers()
    full = min(np.shape(sent[0]["weights"]))
    found = compressed({"layers": sent, "ranks": [full, None, 0], "return": ALL})
    assert found["status"] == "exact"
    assert [layer["kept_dense"] for layer in found["layers"]] == [False, True, False]
    assert any("more numbers than the matrix" in note for note in found["notes"])
    assert found["rank_pattern"] == {"white": full}
    assert [layer["factors"] is None for layer in found["layers"]] == [False, True, True]


def test_a_layer_without_outputs_has_no_share() -> None:
    found = compressed({"layers": [{"name": "zero", "weights": [[0.0] * 4] * 5}], "weighting": "relative"})
    assert found["layers"][0]["relative_error"] is None
    assert found["layers"][0]["rank"] == 1
    assert found["total"]["relative_error"] is None


@pytest.mark.parametrize("kind", ["white", "moments"])
def test_decayed_factors_are_a_minimum_of_two_layers(kind: str) -> None:
    (layer,) = (each for each in layers(5) if each["activations"]["kind"] == kind)
    weights, decay, rank = np.array(layer["weights"]), 1e-3, 3
    outputs, inputs = weights.shape
    second = np.eye(inputs) if kind == "white" else np.array(layer["activations"]["xx"])
    data = {
        "kind": "moments",
        "xx": second.tolist(),
        "xy": (second @ weights.T).tolist(),
        "yy": float(np.trace(weights @ second @ weights.T)),
    }
    network = {"layers": [{"width": rank, "weight_decay": decay}, {"width": outputs, "weight_decay": decay}]}
    found = minima(parse({"network": network, "data": data}).request, LIMITS).document()["global_minimum"]
    values = np.linalg.svd(weights, compute_uv=False)[:rank]
    if kind == "white":
        assert found["singular_values"][:rank] == pytest.approx(np.maximum(values - decay, 0.0), rel=1e-9)
    undecayed = compressed({"layers": [layer], "ranks": [rank]})["total"]["error"]
    missed = seen(layer, weights - np.array(found["end_to_end_map"]))
    assert undecayed <= np.sum(missed**2) * (1.0 + 1e-9)
    assert found["terms"]["fit"] == pytest.approx(np.sum(missed**2), rel=1e-6)


def test_layers_one_a_chunk_are_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    body = {"layers": layers(), "return": ALL}
    whole = compressed(body)
    monkeypatch.setattr(plans, "CHUNK_S", 0.0)
    assert len(ask("compression", body, LIMITS).plan(LIMITS).chunks) == 7
    assert compressed(body) == whole


@pytest.mark.parametrize("title", EXAMPLES)
def test_examples_are_drawn(title: str) -> None:
    assert render("compression", compressed(EXAMPLES[title]), "png").startswith(b"\x89PNG")
