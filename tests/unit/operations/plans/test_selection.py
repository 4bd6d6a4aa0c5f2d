"""Selections: equal to separate requests, whatever the form of the data and wherever they run."""

from typing import Any

import numpy as np
import pytest

from service.core.ground.data.fold_turns import FoldsInTurn
from service.core.ground.numbers.factor import factor_of_samples
from service.jobs.codec import decode
from service.jobs.inline import run_inline
from service.operations.asking import ask
from service.operations.drawing.rendering import render
from service.operations.mapping.datasets import factor_document
from service.operations.minima import minima, parse
from service.operations.plans import selection as plans
from service.operations.plans.columns import plain
from service.schemas.selection import EXAMPLES
from service.settings import Limits

LIMITS = Limits()
Json = dict[str, Any]


def selected(body: Json) -> Json:
    question = ask("selection", body, LIMITS)
    assert question.loaded.work is not None
    found: Json = plain(decode(run_inline(question.plan(LIMITS), question.loaded.work.guarded())))
    return found


def samples(x: Any, y: Any) -> Json:
    return {"kind": "samples", "x": x.tolist(), "y": y.tolist()}


def drawn(outputs: int = 1, n: int = 23, d: int = 3) -> tuple[Any, Any]:
    rng = np.random.default_rng(7)
    x = rng.normal(size=(n, d)) + 0.5
    return x, x @ rng.normal(size=(d, outputs)) + rng.normal(size=(n, outputs))


def layers(hidden: int, outputs: int, decay: float = 0.1, **noise: Any) -> list[Json]:
    return [
        *({"width": 4, "weight_decay": decay, **noise} for _ in range(hidden)),
        {"width": outputs, "weight_decay": decay},
    ]


def answer_of(problem: Json) -> Json:
    return minima(parse(problem).request, LIMITS).document()


@pytest.mark.parametrize("convention", ["mean", "half_mean", "sum", "half_sum", "torch"])
@pytest.mark.parametrize(
    ("hidden", "outputs", "bias"),
    [(0, 1, "output"), (1, 1, "none"), (2, 1, "all"), (0, 2, "output"), (1, 2, "output"), (2, 2, "none")],
)
def test_folds_are_separate_requests(hidden: int, outputs: int, bias: str, convention: str) -> None:
    x, y = drawn(outputs)
    decays = [0.01, 0.2]
    problem: Json = {
        "network": {"layers": layers(hidden, outputs), "bias": bias, "bias_weight_decay": 0.0},
        "data": samples(x, y),
        "objective": {"convention": convention},
    }
    found = selected({"problem": problem, "vary": "weight_decay", "values": decays, "folds": 4, "seed": 2})
    fold_of = FoldsInTurn(4, 2).next(len(x))
    for place, decay in enumerate(decays):
        errors = []
        for fold in range(4):
            out = fold_of == fold
            data = {**samples(x[~out], y[~out]), "evaluation": samples(x[out], y[out])}
            network = {**problem["network"], "layers": layers(hidden, outputs, decay)}
            alone = answer_of({**problem, "data": data, "network": network})
            # errors are means over samples, added over outputs, whatever the convention
            unit = {
                "mean": 1.0,
                "half_mean": 0.5,
                "sum": out.sum(),
                "half_sum": 0.5 * out.sum(),
                "torch": 1.0 / outputs,
            }
            errors.append(alone["global_minimum"]["evaluation_fit"] / unit[convention])
        sizes = np.bincount(fold_of)
        assert found["kfold"]["mean"][place] == pytest.approx(
            sizes @ np.array(errors) / len(x), rel=1e-8 if outputs > 1 else 1e-12
        )


def test_the_chosen_answers_are_those_of_minima() -> None:
    x, y = drawn()
    noise: Json = {"noise": {"kind": "gaussian", "variance": 0.3}}
    network: Json = {"layers": layers(2, 1, **noise), "bias": "output"}
    problem = {"network": network, "data": samples(x, y)}
    for vary, values in (
        ("decay_scale", [0.5, 0.1, 3.0]),
        ("weight_decay", [0.01, 0.3]),
        ("noise_variance", [0.0, 0.7]),
        ("width", [1, 9]),
    ):
        found = selected({"problem": problem, "vary": vary, "values": values})
        assert found["values"] == values
        assert {each["value"] for each in found["chosen_minima"]} <= set(values)
        assert sum(len(each["chosen_by"]) for each in found["chosen_minima"]) == 4
        for each in found["chosen_minima"]:
            changed = [dict(layer) for layer in network["layers"]]
            for index, layer in enumerate(changed):
                if vary == "decay_scale":
                    layer["weight_decay"] *= each["value"]
                elif vary == "weight_decay":
                    layer["weight_decay"] = each["value"]
                elif index < 2:
                    layer.update(
                        {"noise": {"kind": "gaussian", "variance": each["value"]}}
                        if vary == "noise_variance"
                        else {"width": int(each["value"])}
                    )
            assert (
                plain(answer_of({"network": {**network, "layers": changed}, "data": samples(x, y)})) == each["minima"]
            )
            place = values.index(each["value"])
            assert found["train"][place] == pytest.approx(each["minima"]["global_minimum"]["terms"]["fit"], rel=1e-9)
            assert found["norm"][place] == pytest.approx(
                np.linalg.norm(each["minima"]["global_minimum"]["singular_values"]), rel=1e-9
            )


def test_exact_leave_one_out_is_as_many_folds_as_samples() -> None:
    x, y = drawn(2, n=9)
    body = {
        "problem": {"network": {"layers": layers(1, 2), "bias": "output"}, "data": samples(x, y)},
        "vary": "weight_decay",
        "values": [0.05, 0.5],
    }
    assert selected(body)["loo"] is None
    found = selected({**body, "loo": "exact", "folds": list(range(9))})
    assert found["loo_evidence"] == "exact"
    assert found["loo"] == pytest.approx(found["kfold"]["mean"], rel=1e-12)


def test_factors_of_folds_are_samples() -> None:
    x, y = drawn(1, n=40)
    fold_of = FoldsInTurn(5, 0).next(40)
    folds = [factor_document(factor_of_samples(x[fold_of == fold], y[fold_of == fold]), None) for fold in range(5)]
    network = {"layers": layers(2, 1, 0.02), "bias": "output"}
    asked = {"vary": "decay_scale", "grid": {"from": 0.1, "to": 10, "points": 5}}
    whole = factor_document(factor_of_samples(x, y), None)
    by_samples = selected({"problem": {"network": network, "data": samples(x, y)}, **asked})
    by_factors = selected({"problem": {"network": network, "data": whole}, "fold_data": folds, **asked})
    for name in ("mean", "standard_error"):
        assert by_factors["kfold"][name] == pytest.approx(by_samples["kfold"][name], rel=1e-11)
    assert by_factors["gcv"] == pytest.approx(by_samples["gcv"], rel=1e-11)
    assert by_factors["loo"] is None
    assert "samples" in by_factors["reasons"]["loo"]


def test_moments_have_what_they_can() -> None:
    data = {"kind": "moments", "xx": [[1.0, 0.2], [0.2, 1.0]], "xy": [[0.6], [0.3]], "yy": 1.0}
    asked: Json = {"problem": {"network": {"layers": layers(1, 1)}, "data": data}, "values": [0.1, 1.0]}
    without = selected(asked)
    assert without["gcv"] is None
    assert "number of samples" in without["reasons"]["gcv"]
    assert {*without["reasons"]} >= {"loo", "kfold", "gcv", "chosen/gcv", "loo_evidence"}
    assert without["chosen_minima"] == []
    found = selected({**asked, "problem": {**asked["problem"], "data": {**data, "n": 50}}})
    assert found["chosen"]["gcv"]["value"] in (0.1, 1.0)
    assert found["chosen"]["loo"] is None


def test_a_value_alone_and_a_problem_alone_are_answered() -> None:
    x, y = drawn()
    problem = {"network": {"layers": layers(0, 1, 0.0)}, "data": samples(x, y)}
    found = selected({"problem": problem})
    assert found["vary"] == "weight_decay"
    assert len(found["values"]) == 101
    assert selected({"problem": problem, "vary": "weight_decay", "values": [0.5]})["chosen"]["loo"]["index"] == 0


def test_order_and_repeats_are_told() -> None:
    x, y = drawn()
    problem = {"network": {"layers": layers(1, 1)}, "data": samples(x, y)}
    found = selected({"problem": problem, "vary": "weight_decay", "values": [0.3, 0.1, 0.3]})
    assert found["loo"][0] == found["loo"][2]
    assert len(found["notes"]) == 2


def test_blocks_of_values_are_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = drawn()
    body = {"problem": {"network": {"layers": layers(2, 1)}, "data": samples(x, y)}, "loo": "exact"}
    whole = selected(body)
    monkeypatch.setattr(plans, "CHUNK_S", 30 * plans.PER_VALUE_S)
    monkeypatch.setattr(plans, "SAMPLES_A_CHUNK", 4)
    cut = selected(body)
    for name in ("train", "loo", "gcv", "norm"):
        assert cut[name] == pytest.approx(whole[name], rel=1e-11)
    assert cut["chosen"]["loo"]["index"] == whole["chosen"]["loo"]["index"]


@pytest.mark.parametrize("title", EXAMPLES)
def test_examples_are_drawn(title: str) -> None:
    assert render("selection", selected(EXAMPLES[title]), "png").startswith(b"\x89PNG")
