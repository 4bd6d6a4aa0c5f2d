"""An answer with one wrong number is rejected, and the field is named."""

import copy
import json
import re
from typing import Any

import pytest

from service.errors import InputError
from service.operations.minima import minima, parse
from service.operations.verify import parse_answer, verify
from service.schemas.problem import DESIGN_EXAMPLE
from service.settings import Limits

LIMITS = Limits()
TWO_LAYERS = {"layers": [{"width": 3, "weight_decay": 0.05, "noise": {"kind": "dropout", "rate": 0.3}}]}
PROBLEMS: dict[str, Any] = {
    "three layers": DESIGN_EXAMPLE,
    "torch, held-out data": {
        "network": {"layers": [*TWO_LAYERS["layers"], {"width": 1, "weight_decay": 0.03}]},
        "data": {
            "kind": "samples",
            "x": [[1, 2], [2, 1], [-1, 0], [0, 1]],
            "y": [1, 2, 3, 4],
            "evaluation": {"kind": "samples", "x": [[1, 1]], "y": [1]},
        },
        "objective": {"convention": "torch"},
    },
    "bias on raw data": {
        "network": {
            "layers": [*TWO_LAYERS["layers"], {"width": 2, "weight_decay": 0.02}, {"width": 1, "weight_decay": 0.03}],
            "bias": "output",
        },
        "data": {"kind": "example", "name": "diabetes", "raw": True},
        "objective": {"convention": "half_sum"},
    },
}
DEPENDS_ON_THE_MACHINE = re.compile(r"problem\.|numerics|certificate\.(checks|rounding_allowance|tolerance)")
PURE_ROUNDING = 1e-9
STEP = 1e-6


def answer_to(name: str, form: str) -> dict[str, Any]:
    asked = {"problem": PROBLEMS[name], "return": {"weights": form, "problem": True}, "include": ["layer_norms"]}
    document: dict[str, Any] = json.loads(minima(parse(asked).request, LIMITS).model_dump_json(exclude_unset=True))
    return document


def leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in leaves(item, f"{path}.{key}" if path else key)]
    if isinstance(value, list):
        return [leaf for index, item in enumerate(value) for leaf in leaves(item, f"{path}[{index}]")]
    return [(path, value)]


def changed(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    copied = copy.deepcopy(document)
    *parents, last = [int(step) if step.isdecimal() else step for step in re.findall(r"[^.\[\]]+", path)]
    place: Any = copied
    for step in parents:
        place = place[step]
    place[last] = value
    return copied


def wrong_value(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    return value * (1 + STEP) if isinstance(value, float) else value + 1


def rejected_fields(document: dict[str, Any]) -> list[str]:
    try:
        found = verify(parse_answer(document), LIMITS)
    except InputError as error:
        return [re.sub(r"\.(\d+)", r"[\1]", ".".join(map(str, item.location))) for item in error.fields]
    assert found.agrees == all(check.agrees for check in found.checks)
    return [check.field for check in found.checks if not check.agrees]


@pytest.mark.parametrize("form", ["factors", "full"])
@pytest.mark.parametrize("name", PROBLEMS)
def test_a_right_answer_agrees_and_every_wrong_number_is_rejected(name: str, form: str) -> None:
    document = answer_to(name, form)
    assert rejected_fields(document) == []
    tried = 0
    for path, value in leaves(document):
        is_number = isinstance(value, (bool, int, float))
        if not is_number or value == 0.0 or DEPENDS_ON_THE_MACHINE.match(path):
            continue
        if isinstance(value, float) and path.endswith(("relative_gap", "barrier_height")) and value < PURE_ROUNDING:
            continue
        tried += 1
        fields = rejected_fields(changed(document, path, wrong_value(value)))
        assert fields, f"{path} was not noticed"
        # a bias that is off shows in the gradient, like a weight
        named = "global_minimum.weights" if "biases" in path and "shape" not in "".join(fields) else path
        assert any(named.startswith(field.removesuffix(".shape")) for field in fields), (
            f"{path} is not named in {fields}"
        )
    assert tried > 35


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("global_minimum.loss", "global_minimum.loss"),
        ("global_minimum.terms.fit", "global_minimum.terms.fit"),
        ("global_minimum.terms.noise", "global_minimum.terms.noise"),
        ("global_minimum.terms.decay", "global_minimum.terms.decay"),
        ("global_minimum.weights[1].values[0]", "global_minimum.weights"),
        ("certificate.lower_bound", "certificate.lower_bound"),
        ("global_minimum.trivial", "global_minimum.trivial"),
        ("thresholds.critical_decay_scale", "thresholds.critical_decay_scale"),
        ("thresholds.metastable_up_to_decay_scale", "thresholds.metastable_up_to_decay_scale"),
        ("thresholds.critical_noise_variance", "thresholds.critical_noise_variance"),
    ],
)
def test_the_wrong_field_is_named(path: str, named: str) -> None:
    document = answer_to("three layers", "factors")
    assert named in rejected_fields(changed(document, path, wrong_value(dict(leaves(document))[path])))


def test_another_problem_is_noticed_by_its_hash() -> None:
    document = answer_to("three layers", "factors")
    forged = document["problem_hash"][:-1] + ("0" if document["problem_hash"][-1] != "0" else "1")
    assert rejected_fields({**document, "problem_hash": forged}) == ["problem_hash"]
    other = parse({**DESIGN_EXAMPLE, "data": {**DESIGN_EXAMPLE["data"], "yy": 1.0 + STEP}}).request.problem
    found = verify(parse_answer(document), LIMITS, other)
    assert not next(check for check in found.checks if check.field == "problem_hash" and not check.agrees).agrees


def test_an_answer_without_its_problem_needs_it() -> None:
    document = answer_to("three layers", "factors")
    del document["problem"]
    with pytest.raises(InputError, match="beside the answer"):
        verify(parse_answer(document), LIMITS)
    assert verify(parse_answer(document), LIMITS, parse(DESIGN_EXAMPLE).request.problem).agrees


@pytest.mark.parametrize("form", ["none", "factors", "full"])
@pytest.mark.parametrize("name", PROBLEMS)
def test_an_answer_without_its_map_agrees_and_a_wrong_singular_value_is_rejected(name: str, form: str) -> None:
    asked = {"problem": PROBLEMS[name], "return": {"weights": form, "problem": True, "map": False}}
    document: dict[str, Any] = json.loads(minima(parse(asked).request, LIMITS).model_dump_json(exclude_unset=True))
    found = verify(parse_answer(document), LIMITS)
    assert found.agrees
    document["global_minimum"]["singular_values"][0] *= 1.001
    assert not verify(parse_answer(document), LIMITS).agrees


def test_what_is_not_covered_is_said() -> None:
    document = answer_to("three layers", "factors")
    document["global_minimum"] |= {"weights": None, "reasons": {"weights": "left out"}}
    found = verify(parse_answer(document), LIMITS)
    assert found.agrees
    assert "not returned" in found.not_covered["global_minimum.weights"]
    assert {check.how for check in found.checks if check.field.startswith("global_minimum")} == {"solved_again"}
    for path in ("global_minimum.loss", "certificate.lower_bound", "global_minimum.trivial"):
        assert path in rejected_fields(changed(document, path, wrong_value(dict(leaves(document))[path])))
