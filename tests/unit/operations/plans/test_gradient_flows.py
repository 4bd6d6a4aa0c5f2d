"""Gradient flows as plans: bounded chunks, the same bits however often they stop, refused by field."""

import copy
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.cli.application import application
from service.errors import InputError, LimitExceeded
from service.jobs.codec import decode, encoded
from service.jobs.kinds import KINDS
from service.jobs.progress import Cursor
from service.jobs.values import Json, Payload, StepKind
from service.operations.answered import as_model
from service.operations.asking import ask
from service.operations.plans.gradient_flows import gradient_flows_plan
from service.operations.plans.plan import document_of
from service.operations.questions import question_of
from service.schemas.flows import FLOW_EXAMPLE, FlowAnswer, FlowRequest
from service.schemas.parsing import validated
from service.schemas.problem import DESIGN_EXAMPLE
from service.settings import Limits, Settings
from tests.support.job_operations import run_question

PROBLEM = FLOW_EXAMPLE["problem"]
XOR = {
    "kind": "samples",
    "x": [[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]],
    "y": [1, 1, -1, -1],
    "task": "classification",
}
GRADIENT_FLOWS = KINDS["gradient_flows"]


def question(body: dict[str, Any], limits: Limits | None = None) -> dict[str, Json]:
    return question_of(validated(FlowRequest, body), limits or Limits())


def flow(body: dict[str, Any]) -> FlowAnswer:
    return FlowAnswer.model_validate(decode(run_question(GRADIENT_FLOWS, question(body))))


def changed(**changes: Any) -> dict[str, Any]:
    return {"problem": {**copy.deepcopy(PROBLEM), **changes}}


def test_a_flow_answers_with_its_bounds() -> None:
    found = flow({**FLOW_EXAMPLE, "initialisation": {"kind": "gaussian", "scale": 0.4}, "include": ["weights"]})
    assert (found.stop, found.time) == ("reached", "log_norm")
    assert found.log_losses is not None
    assert found.log_losses[-1] == pytest.approx(-1000.0)
    assert found.cosines is not None
    assert found.cosines[-1] > 0.99
    assert found.margins is not None
    assert found.margin_bound is not None
    assert 0.99 * found.margin_bound < max(found.margins) <= found.margin_bound * (1.0 + 1e-12)
    assert [layer.rank for layer in found.ranks.layers] == [1, 1, 1]
    for layer in found.ranks.layers[:-1]:
        assert layer.progress is not None
        pairs = zip(layer.progress.alignments, layer.progress.alignment_bounds, strict=True)
        assert all(bound is None or (value is not None and value >= bound - 1e-12) for value, bound in pairs)
        assert layer.progress.alignment_bounds[-1] is not None
        assert layer.progress.alignment_bounds[-1] > 0.99
    assert found.weights is not None
    # a flow from where another one ended has nowhere to go
    again = flow({**FLOW_EXAMPLE, "initialisation": {"kind": "weights", "snapshot": found.weights.model_dump()}})
    assert (again.stop, len(again.times)) == ("reached", 2)


def test_the_problem_alone_ends_where_the_objective_rests() -> None:
    found = flow({"problem": DESIGN_EXAMPLE})
    assert (found.stop, found.time) == ("stationary", "plain")
    assert found.objectives is not None
    assert all(later <= earlier + 1e-12 for earlier, later in pairwise(found.objectives))
    # from this start it is the global minimum, or the local one at the origin
    assert min(abs(found.objectives[-1] - known) for known in (0.71592367, 1.0)) < 1e-7
    assert found.reasons["log_losses"]


@pytest.mark.parametrize("convention", ["mean", "sum", "half_mean"])
def test_balance_decays_in_the_time_of_the_caller(convention: str) -> None:
    decay = 0.2 if convention == "sum" else 0.05
    network = {"layers": [{"width": 3, "weight_decay": decay}, {"width": 1, "weight_decay": decay}]}
    objective = {"loss": "squared", "convention": convention}
    body = {**changed(network=network, objective=objective), "until": {"evaluations": 400}, "include": ["weights"]}
    found = flow(body)
    assert found.stop == "effort"
    assert found.balance_decay is not None
    assert max(found.balance_decay) < 1e-7
    assert found.weights is not None
    assert isinstance(found.weights.weights, list)
    first, last = (np.array(weight) for weight in found.weights.weights)
    start = np.array(found.ranks.invariants[0].value)
    left = np.exp(-4.0 * decay * found.times[-1])
    assert 0.01 < left < 0.9
    assert last.T @ last - first @ first.T == pytest.approx(left * start, abs=1e-7)


def test_linear_networks_stop_where_nothing_separates() -> None:
    found = flow(changed(data=XOR))
    assert found.stop == "not_separable"
    assert found.margins is not None
    assert found.margin_bound is None
    assert "separable" in found.reasons["margin_bound"]
    network = {"layers": [{"width": 12, "activation": "relu"}, {"width": 1}]}
    bent = flow({**changed(data=XOR, network=network), "until": {"log_loss": -30.0}, "seed": 2})
    assert bent.stop == "reached"
    assert bent.pattern_changes[0] == 0
    assert sum(bent.pattern_changes) > 0


@pytest.mark.parametrize("scheme", ["xavier", "balanced_small"])
def test_starts_by_name(scheme: str) -> None:
    found = flow({**FLOW_EXAMPLE, "initialisation": scheme, "until": {"log_loss": -20.0}})
    assert found.stop == "reached"
    tails = [layer.progress.tails for layer in found.ranks.layers if layer.progress is not None]
    if scheme == "balanced_small":
        assert max(max(row) for row in tails) < 1e-12


def driven(body: dict[str, Any], stop_after: int) -> tuple[Payload, int]:
    """The result when the work is dropped after some steps and taken up from what was stored."""
    asked = json.loads(json.dumps(question(body)))
    plan = GRADIENT_FLOWS.plan(asked)
    stored: dict[tuple[StepKind, int], Payload] = {}
    while True:
        cursor = Cursor(GRADIENT_FLOWS.name, GRADIENT_FLOWS.plan(asked))
        rounds = [stored[key] for key in sorted(stored) if key[0] is StepKind.PLAN]
        cursor.restore(stored, rounds)
        for _ in range(stop_after):
            step = cursor.next_step()
            assert step is not None
            needs, chunks = cursor.needs(step), [key[1] for key in stored if key[0] is StepKind.WORK]
            numbers = needs.numbers if needs.numbers is not None else range(needs.first, len(chunks))
            inputs = [decode(stored[StepKind.WORK, number]) for number in numbers]
            call = cursor.call(step, None, ())
            value = GRADIENT_FLOWS.functions[call.function](json.loads(call.arguments), plan.arrays, inputs)
            if step.kind is StepKind.REDUCE:
                return encoded(value), len(chunks)
            stored[step.kind, step.index] = encoded(value)
            cursor.store(step, stored[step.kind, step.index])


def test_it_goes_on_with_the_same_bits_wherever_it_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.operations.plans.gradient_flows.CHUNK_S", 0.005)
    network = {"layers": [{"width": 4, "activation": "relu"}, {"width": 3}, {"width": 1}]}
    body = {**changed(network=network, objective={"loss": "logistic"}), "until": {"log_loss": -100.0}}
    whole = run_question(GRADIENT_FLOWS, question(body))
    for stop_after in (1, 3):
        again, chunks = driven(body, stop_after)
        assert again == whole
        assert chunks > 4


@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_no_chunk_takes_more_gradients_than_it_may(activation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.operations.plans.gradient_flows.CHUNK_S", 1e-9)
    network = {"layers": [{"width": 4, "activation": activation}, {"width": 1}]}
    asked = question({**changed(network=network), "until": {"log_loss": -200.0}})
    plan = GRADIENT_FLOWS.plan(asked)
    budget = int(plan.arguments["gradients"])
    assert budget == 50
    payloads: list[Json] = []
    functions = GRADIENT_FLOWS.functions
    payloads.append(document_of(functions["begin"](plan.arguments, plan.arrays, [])))
    spent = []
    while payloads[-1]["moments"][-1]["stop"] is None:
        before = int(payloads[-1]["moments"][-1]["evaluations"])
        payloads.append(document_of(functions["advance"](plan.arguments, plan.arrays, [payloads[-1]])))
        spent.append(int(payloads[-1]["moments"][-1]["evaluations"]) - before)
    # a step that has begun is ended, which takes a few more
    assert len(spent) > 3
    assert max(spent) <= budget + 16


@pytest.mark.parametrize(
    ("change", "place", "says"),
    [
        (
            {"problem": {**PROBLEM, "data": {"kind": "none", "inputs": 2}}},
            ("problem", "data", "kind"),
            "must be samples",
        ),
        (
            {"problem": {**PROBLEM, "network": {"layers": [{"width": 3, "activation": "tanh"}, {"width": 1}]}}},
            ("problem", "network", "layers"),
            "linear, relu or leaky_relu",
        ),
        (
            {"problem": {**PROBLEM, "data": {**PROBLEM["data"], "y": [1, 1, 1, 1]}}},
            ("problem", "data", "y"),
            "two classes",
        ),
        ({"training": {"dynamics": "sgd"}}, ("training", "dynamics"), "gradient_flow"),
        ({"initialisation": "he"}, ("initialisation",), "xavier"),
        ({"initialisation": {"kind": "scheme"}}, ("initialisation", "kind"), "one of 'gaussian', 'weights'"),
        ({"initialisation": {"kind": "gaussian", "scale": 0}}, ("initialisation", "scale"), "greater than 0"),
        ({"initialisation": {"kind": "weights"}}, ("initialisation", "snapshot"), "required"),
        (
            {"initialisation": {"kind": "weights", "snapshot": {"weights": [[[1.0, 2.0]], [[1.0]]]}}},
            ("initialisation", "snapshot", "weights"),
            "3 entries",
        ),
        ({"until": {"log_loss": -1e9}}, ("until", "log_loss"), "-1000000"),
    ],
)
def test_what_cannot_be_followed_is_refused_by_field(change: dict[str, Any], place: tuple[str, ...], says: str) -> None:
    with pytest.raises(InputError) as caught:
        GRADIENT_FLOWS.plan(question({**FLOW_EXAMPLE, **change}))
    problem = caught.value.fields[0]
    assert problem.location == place
    assert says in problem.detail


def test_large_networks_are_refused_by_name() -> None:
    with pytest.raises(LimitExceeded) as caught:
        GRADIENT_FLOWS.plan(question(FLOW_EXAMPLE, Limits(max_flow_weights=39)))
    assert caught.value.limit == "max_flow_weights"


def test_zero_weights_have_no_flow() -> None:
    zeros = {"weights": [np.zeros(shape).tolist() for shape in ((6, 2), (4, 6), (1, 4))]}
    found = flow({**FLOW_EXAMPLE, "initialisation": {"kind": "weights", "snapshot": zeros}})
    assert found.stop == "undefined"
    assert "undefined" in found.ranks.reasons["snapshots"]


def test_the_command_prints_the_same_answer(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    path = tmp_path / "flow.json"
    path.write_text(json.dumps(FLOW_EXAMPLE), encoding="utf-8")
    application.main(["flow", str(path)], standalone_mode=False)
    expected = decode(run_question(GRADIENT_FLOWS, question(FLOW_EXAMPLE)))
    assert json.loads(capsysbinary.readouterr().out) == expected


def test_the_weights_at_the_end_have_the_biases_of_the_network() -> None:
    network = {"layers": [{"width": 3}, {"width": 1}], "bias": "hidden"}
    found = flow({**changed(network=network), "include": ["weights"], "until": {"log_loss": -5.0}})
    assert found.weights is not None
    assert isinstance(found.weights.biases, list)
    hidden, last = found.weights.biases
    assert hidden is not None
    assert len(hidden) == 3
    assert any(hidden)
    assert last is None


def test_a_flow_knows_the_teacher_as_ranks_do() -> None:
    teacher = {"depth": 2, "width": 2, "norm_bound": 3.0}
    training = {"dynamics": "gradient_flow", "teacher": teacher}
    network = {"layers": [{"width": 6, "activation": "relu"}, {"width": 5, "activation": "relu"}, {"width": 1}]}
    body = {**changed(network=network), "until": {"log_loss": -5.0}}
    asked = ask("ranks", {**body["problem"], "training": training}, Limits())
    predicted = as_model(asked.answer(Limits())).document()
    followed, alone = flow({**body, "training": training}).ranks, flow(body).ranks
    assert followed.silent == predicted["silent"]
    assert followed.silent != alone.silent


@pytest.mark.parametrize(
    ("network", "kind"),
    [
        # moments do not say what a network with skips answers, even if it is linear and its error squared
        ({"layers": [{"width": 2}, {"width": 1}], "skips": [{"from": 0, "to": 1, "kind": "identity"}]}, "moments"),
        ({"layers": [{"width": 2, "activation": "relu"}, {"width": 1}]}, "moments"),
    ],
)
def test_what_moments_do_not_say_needs_samples(network: dict[str, Any], kind: str) -> None:
    data = {"kind": kind, "xx": [[1.0, 0.0], [0.0, 1.0]], "xy": [[0.5], [0.2]], "yy": 1.0}
    with pytest.raises(InputError) as caught:
        question_and_plan({"problem": {"network": network, "data": data}})
    assert caught.value.fields[0].location == ("problem", "data", "kind")


def question_and_plan(body: dict[str, Any]) -> None:
    GRADIENT_FLOWS.plan(question(body))


def test_a_segment_that_was_cut_short_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    network = {"layers": [{"width": 4, "activation": "relu"}, {"width": 1}]}
    body = {**changed(network=network), "until": {"log_loss": -200.0}}
    plan = GRADIENT_FLOWS.plan(question(body))
    whole = flow(body)
    monkeypatch.setattr("service.operations.plans.gradient_flows.CHUNK_S", 1e-9)
    pieces = flow(body)
    assert int(plan.arguments["gradients"]) > 50
    # where chunks end decides which moments are told, not how many of one segment
    assert len(set(pieces.times)) == len(pieces.times)
    assert len(pieces.times) <= len(whole.times) + 1


@pytest.mark.parametrize(("decay", "told"), [(0.0, "log_loss"), (0.1, "objective")])
def test_a_moment_tells_its_loss_in_the_time_of_the_flow(decay: float, told: str) -> None:
    network = {"layers": [{"width": 2, "weight_decay": decay}, {"width": 1, "weight_decay": decay}]}
    plan = GRADIENT_FLOWS.plan(question(changed(network=network)))
    (moment,) = document_of(GRADIENT_FLOWS.functions["begin"](plan.arguments, plan.arrays, []))["moments"]
    assert moment.keys() & {"log_loss", "objective"} == {told}
    assert isinstance(moment[told], float)


@pytest.mark.parametrize(("evaluations", "inline"), [(2_000, True), (400_000, False)])
def test_a_flow_that_may_rest_at_a_kink_costs_all_the_gradients_that_it_may_take(
    evaluations: int, inline: bool
) -> None:
    rng = np.random.default_rng(1)
    network = {"layers": [{"width": 8, "activation": "relu"}, {"width": 1}]}
    data = {"kind": "samples", "x": rng.normal(size=(20, 3)).tolist(), "y": rng.normal(size=20).tolist()}
    weights = [rng.normal(size=(8, 3)).tolist(), rng.normal(size=(1, 8)).tolist()]
    body = {
        "problem": {"network": network, "data": data},
        "initialisation": {"kind": "weights", "snapshot": {"weights": weights}},
        "until": {"evaluations": evaluations},
    }
    assert (gradient_flows_plan(validated(FlowRequest, body), Limits()).cost_s <= Settings().inline_budget_s) is inline
    if inline:
        found = flow(body)
        assert found.stop == "effort"
        assert evaluations <= found.evaluations < 1.5 * evaluations
