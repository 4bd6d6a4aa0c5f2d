"""What a report says of an answer: each field in one word, its own values, what is missing, and by which engine."""

import copy
import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.errors import InputError, NumericalError
from service.operations import verify as operation
from service.operations.mapping.fields import covers, general, leaves
from service.operations.mapping.recognised import name_of, others
from service.operations.minima import minima, parse
from service.operations.verify import parse_answer, verify
from service.schemas.problem import DESIGN_EXAMPLE
from service.schemas.verification import VerificationAnswer
from service.settings import Limits
from tests.support.altered_answers import answer_to, report_on
from tests.support.answered_problems import PROBLEMS

ROOT = Path(__file__).parents[3]
LIMITS = Limits()
STORED = json.loads((Path(__file__).parent / "answers_of_0_1_0.json").read_text(encoding="utf-8"))


def reported(document: dict[str, Any]) -> VerificationAnswer:
    report = report_on(document)
    assert report is not None
    return report


def wrong(report: VerificationAnswer) -> set[str]:
    return {check.field for check in report.checks if not check.agrees}


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_claimed_value_stands_in_the_answer(name: str) -> None:
    document = answer_to(name)
    own = dict(leaves({key: value for key, value in document.items() if key != "problem"}))
    for check in reported(document).checks:
        value = own.get(check.field)
        assert check.claimed == (None if isinstance(value, list) else value), check
        assert check.field in own or any(covers(check.field, path) for path in own), check.field


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_field_of_the_answer_has_a_word(name: str) -> None:
    document = answer_to(name)
    del document["problem"]
    assert {general(path) for path, _ in leaves(document)} | {"problem"} == set(reported(answer_to(name)).fields)


def test_the_page_says_the_same_of_each_field() -> None:
    """The table of the documentation, longest name first, against the report on the example that it is about."""
    page = (ROOT / "docs" / "verification.md").read_text(encoding="utf-8").partition("## Field by field")[2]
    words: dict[str, str] = {}
    for names, done in re.findall(r"^\| (`.+`) \| `(\w+)`", page, re.MULTILINE):
        first = re.findall(r"`([^`]+)`", names)[0].partition(".")[0]
        for name in re.findall(r"`([^`]+)`", names):
            words[f"{first}{name}" if name.startswith(".") else name] = done
    asked = {"problem": DESIGN_EXAMPLE, "return": {"weights": "factors", "problem": True}}
    report = verify(minima(parse(asked).request, LIMITS), LIMITS)
    told = {
        field: words[max((name for name in words if covers(name, field) or field == name), key=len)]
        for field in report.fields
    }
    assert told == report.fields


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object of a document that gives reasons for what is null."""
    if isinstance(value, dict):
        if isinstance(value.get("reasons"), dict):
            yield value
        for item in value.values():
            yield from objects(item)
    elif isinstance(value, list):
        for item in value:
            yield from objects(item)


@pytest.mark.parametrize("name", PROBLEMS)
def test_no_field_may_be_taken_out_without_a_word(name: str) -> None:
    count = sum(1 for _ in objects({key: value for key, value in answer_to(name).items() if key != "problem"}))
    deleted = 0
    for place in range(count):
        for field in next(islice(objects(answer_to(name)), place, None)):
            document = answer_to(name)
            found = next(
                islice(objects({key: item for key, item in document.items() if key != "problem"}), place, None)
            )
            if field == "reasons" or found.get(field) is None:
                continue
            found[field] = None
            report = report_on(document)
            # where there is none, the shape of answers has no such null
            assert report is None or report.outcome == "disagrees", field
            deleted += report is not None
    assert deleted > 0


def test_weights_left_out_are_an_incomplete_answer() -> None:
    for name in ("one output", "nuclear norm", "skip", "variational"):
        document = answer_to(name)
        document["global_minimum"] |= {"weights": None, "reasons": {"weights": "left out"}}
        report = reported(document)
        assert report.outcome == "incomplete"
        assert "not returned" in report.missing["global_minimum.weights"]
        document["global_minimum"]["loss"] *= 1.0 + 1e-6
        assert reported(document).outcome == "disagrees"


def test_variances_left_out_are_an_incomplete_answer() -> None:
    document = answer_to("variational")
    del document["variational"]
    assert reported(document).missing["variational"]


def test_an_infimum_needs_no_weights() -> None:
    for name in ("one output, not attained", "several outputs, not attained", "frozen layer, not attained"):
        document = answer_to(name)
        assert document["global_minimum"]["weights"] is None
        assert reported(document).outcome == "agrees"


@pytest.mark.parametrize(
    "name", ["noisy", "noisy without decay", "one output", "several outputs, not attained", "skip"]
)
@pytest.mark.parametrize("kept", [True, False], ids=["with weights", "without"])
def test_attained_is_not_taken_on_trust(name: str, kept: bool) -> None:
    document = answer_to(name)
    minimum = document["global_minimum"]
    minimum["attained"] = not minimum["attained"]
    if not kept:
        minimum |= {"weights": None, "reasons": {"weights": "left out"}}
        minimum.pop("biases", None)
    assert "global_minimum.attained" in wrong(reported(document))


def test_bounds_are_in_order() -> None:
    document = answer_to("noisy")
    certificate = document["certificate"]
    certificate["lower_bound"] = certificate["upper_bound"] * (1.0 + 1e-12)
    assert "certificate.lower_bound" in wrong(reported(document))
    document = answer_to("nuclear norm")
    certificate = document["certificate"]
    certificate["lower_bound"] = certificate["upper_bound"] + 1e-13
    certificate["relative_gap"] = -1e-13 / certificate["upper_bound"]
    report = reported(document)
    assert {"certificate.lower_bound", "certificate.relative_gap", "certificate.kind"} <= wrong(report)


@pytest.mark.parametrize("name", ["one output", "nuclear norm", "noisy", "dropout", "frozen layer", "variational"])
def test_no_claimed_number_widens_what_the_others_are_held_to(name: str) -> None:
    document = answer_to(name)
    minimum, certificate = document["global_minimum"], document["certificate"]
    certificate["rounding_allowance"] = 1e9
    certificate["checks"] = [{**check, "tolerance": 1e9} for check in certificate["checks"]]
    minimum["end_to_end_map"] = [[1e8 * entry for entry in row] for row in minimum["end_to_end_map"]]
    minimum["singular_values"] = [1e8 * value for value in minimum["singular_values"]]
    minimum["terms"]["fit"] += 1e-3
    minimum["loss"] += 1e-3
    report = reported(document)
    recomputed = [check for check in report.checks if check.how == "recomputed" and not check.agrees]
    assert {"global_minimum.terms.fit", "global_minimum.loss"} <= {check.field for check in recomputed}


@pytest.mark.parametrize("size", [1e150, 1e300])
@pytest.mark.parametrize(
    "name", ["one output, bias", "noise, all biases", "variational, learned", "frozen layer, bias"]
)
def test_no_bias_is_so_large_that_its_size_hides_it(name: str, size: float) -> None:
    for layer, bias in enumerate(answer_to(name)["global_minimum"]["biases"]):
        if bias is not None:
            document = answer_to(name)
            document["global_minimum"]["biases"][layer] = [size] * bias["shape"][0]
            found = {check.field for check in reported(document).checks if not check.agrees}
            assert found & {"global_minimum.biases", "global_minimum.weights", "global_minimum.output_offset"}


@pytest.mark.parametrize("name", ["one output, bias", "reduced rank", "variational, learned", "frozen layer, bias"])
def test_a_bias_and_the_offset_changed_together_are_wrong(name: str) -> None:
    document = answer_to(name)
    minimum = document["global_minimum"]
    minimum["output_offset"] = [entry + 1e-5 for entry in minimum["output_offset"]]
    bias = minimum["biases"][-1]
    minimum["biases"][-1] = (np.array(bias["left"]) @ np.diag(bias["values"]) @ np.array(bias["right"]).T + 1e-5)[
        :, 0
    ].tolist()
    recomputed = {check.field for check in reported(document).checks if check.how == "recomputed" and not check.agrees}
    assert recomputed & {"global_minimum.biases", "global_minimum.output_offset"}


@pytest.mark.parametrize("name", ["one output", "factorisation", "nuclear norm", "noisy", "frozen layer"])
def test_a_point_that_is_no_minimum_does_not_pass_whatever_else_agrees(name: str) -> None:
    """An answer that says of the origin, in all its numbers, what is true of it, but for the bound."""
    document = answer_to(name)
    minimum, certificate = document["global_minimum"], document["certificate"]
    loss = next(point["loss"] for point in document["stationary_points"] if point["kind"] == "origin")
    for weight, layer in zip(minimum["weights"], document["problem"]["network"]["layers"], strict=True):
        weight["values"] = [value * bool(layer.get("frozen_weights")) for value in weight["values"]]
    minimum |= {"loss": loss, "terms": {"fit": loss, "noise": 0.0, "decay": 0.0}, "prediction_variance": 0.0}
    minimum |= {"trivial": True, "rank": 0}
    minimum["end_to_end_map"] = [[0.0] * len(row) for row in minimum["end_to_end_map"]]
    minimum["singular_values"] = [0.0] * len(minimum["singular_values"])
    certificate |= {"upper_bound": loss, "lower_bound": loss, "relative_gap": 0.0}
    certificate |= {"kind": "certified", "checks": []}
    recomputed = {check.field for check in reported(document).checks if check.how == "recomputed" and not check.agrees}
    assert {"certificate.lower_bound", "certificate.kind"} <= recomputed
    assert "global_minimum.loss" not in recomputed


@pytest.mark.parametrize("solver", ["deep_bounded", "scalar_output", "linear_vae", "guess"])
def test_the_certificate_of_a_solver_that_does_not_cover_the_problem_counts_for_nothing(solver: str) -> None:
    document = answer_to("dropout")
    document["solver"] = solver
    found = [check.found for check in reported(document).checks if check.field == "solver" and not check.agrees]
    assert "a solver whose hypotheses do not hold for the problem" in found or "no solver of this engine" in found


def test_a_problem_that_nobody_covers_is_a_wrong_answer() -> None:
    document = answer_to("nuclear norm")
    document["problem"]["network"]["layers"][0]["activation"] = "relu"
    assert {"solver", "problem_hash"} <= wrong(reported(document))


def test_what_cannot_be_solved_again_is_incomplete(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise NumericalError("too ill-conditioned")

    monkeypatch.setattr(operation, "minima", fails)
    report = reported(answer_to("nuclear norm"))
    assert report.outcome == "incomplete"
    assert "too ill-conditioned" in report.missing["solver"]
    assert report.fields["global_minimum.loss"] == "recomputed"
    assert report.fields["theorems"] == "not_covered"


@pytest.mark.parametrize(("name", "fields"), others())
def test_what_is_no_answer_of_minima_is_refused_by_name(name: str, fields: frozenset[str]) -> None:
    with pytest.raises(InputError, match=f"is {name}; verify accepts answers of /v1/minima"):
        parse_answer(dict.fromkeys(fields, 1))


def test_the_answer_of_every_other_route_is_known_by_name() -> None:
    """From the schemas of the OpenAPI document: the fields that such an answer always has."""
    document = json.loads((ROOT / "openapi" / "openapi.json").read_text(encoding="utf-8"))
    schemas = document["components"]["schemas"]
    tried = 0
    for path, methods in document["paths"].items():
        for operation_ in methods.values():
            for status, reply in operation_.get("responses", {}).items():
                schema = reply.get("content", {}).get("application/json", {}).get("schema", {})
                for reference in re.findall(r"schemas/(\w+)", json.dumps(schema)):
                    if (
                        reference in ("MinimaAnswer", "ReluMinimaAnswer", "Health", "Readiness", "Version")
                        or status[0] not in "23"
                    ):
                        continue
                    name = name_of(dict.fromkeys(schemas[reference]["required"], 1))
                    assert name is not None, (path, reference)
                    route = name.removeprefix("an answer of ")
                    # a job has the answer of any operation
                    assert path.startswith((route, "/v1/jobs")) or route == "/v1/jobs", (path, reference)
                    tried += 1
    assert tried > 30


def test_an_answer_of_minima_is_not_taken_for_another() -> None:
    for name in PROBLEMS:
        document = answer_to(name)
        assert name_of(document) is None
        assert all(name_of({**document, key: 1}) is None for _, keys in others() for key in keys)
        assert all(name_of({key: 1 for key in document if key != gone}) is None for gone in document)


def test_what_is_no_object_is_refused() -> None:
    nothing: tuple[object, ...] = ([], "answer", None, 1.0)
    for document in nothing:
        with pytest.raises(InputError, match="must be an object"):
            parse_answer(document)
    with pytest.raises(InputError, match="is required"):
        parse_answer({"colour": "blue"})


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> str:
    """An engine that is newer than every stored answer."""
    monkeypatch.setattr(operation, "ENGINE_VERSION", "9.9.9")
    return "9.9.9"


@pytest.mark.parametrize("name", STORED)
def test_a_stored_answer_is_held_against_the_arithmetic_of_today(name: str, later: str) -> None:
    report = reported(STORED[name])
    assert report.outcome == "agrees", [check for check in report.checks if not check.agrees]
    assert (report.answer_engine_version, report.engine_version) == ("0.1.0", later)
    assert "0.1.0" in report.notes[0]
    assert report.fields["global_minimum.loss"] == "recomputed" or STORED[name]["global_minimum"]["weights"] is None
    assert report.fields["completeness"] == "not_covered"
    for path in ("loss", "prediction_variance"):
        moved = copy.deepcopy(STORED[name])
        moved["global_minimum"][path] += 1e-6
        assert f"global_minimum.{path}" in wrong(reported(moved))
    raised = copy.deepcopy(STORED[name])
    raised["certificate"]["lower_bound"] += 1e-6
    assert "certificate.lower_bound" in wrong(reported(raised)) or raised["global_minimum"]["weights"] is None


@pytest.mark.usefixtures("later")
def test_a_hash_of_another_form_is_told_and_not_judged() -> None:
    document = copy.deepcopy(STORED["nuclear norm"])
    document["problem_hash"] = "sha256:" + "0" * 64
    report = reported(document)
    assert report.outcome == "agrees"
    assert report.fields["problem"] == report.fields["problem_hash"] == "not_covered"
    assert any("problem_hash" in note for note in report.notes)
    # the numbers are those of the problem as it stands, so that another one does not pass
    document["problem"]["network"]["layers"][0]["weight_decay"] *= 1.0 + 1e-6
    assert wrong(reported(document))


@pytest.mark.usefixtures("later")
def test_of_another_engine_a_weaker_statement_is_right_and_a_stronger_one_is_not() -> None:
    weaker = copy.deepcopy(STORED["nuclear norm"])
    certificate = weaker["certificate"]
    certificate["lower_bound"] *= 0.9
    certificate["relative_gap"] = (certificate["upper_bound"] - certificate["lower_bound"]) / certificate["upper_bound"]
    certificate["kind"] = weaker["status"] = "bounded"
    assert reported(weaker).outcome == "agrees"
    stronger = copy.deepcopy(STORED["noisy"])
    certificate = stronger["certificate"]
    certificate |= {"lower_bound": certificate["upper_bound"], "relative_gap": 0.0, "kind": "certified"}
    stronger["status"] = "certified"
    assert {"status", "certificate.lower_bound", "certificate.kind"} <= wrong(reported(stronger))


@pytest.mark.usefixtures("later")
def test_fields_that_only_one_engine_gives_are_not_covered() -> None:
    document = copy.deepcopy(STORED["one output"])
    del document["thresholds"]["critical_noise_scale"]
    del document["data"]["preparation"]
    with pytest.raises(InputError, match="is required"):
        parse_answer(document)
    document = copy.deepcopy(STORED["one output"])
    document["classes"] = [0, 1]
    assert reported(document).not_covered["classes"]
