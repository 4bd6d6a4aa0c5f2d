"""Rank predictions as a caller meets them: conventions, snapshots, what is refused, one answer everywhere."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.cli.application import application
from service.core.catalogue import RANK_RULES
from service.errors import InputError
from service.operations.ranks import parse, ranks
from service.schemas.ranks import RanksAnswer
from service.settings import Limits

BASE: dict[str, Any] = {
    "network": {"layers": [{"width": 4}, {"width": 3}, {"width": 1}]},
    "data": {
        "kind": "samples",
        "x": [[1.25, 1.0], [2.0, -0.5], [-1.0, -0.75], [-0.5, -1.25]],
        "y": [1, 1, -1, -1],
        "task": "classification",
    },
    "objective": {"loss": "exponential"},
}
SKIP = {"from": 1, "to": 2, "kind": "identity"}
LAYERS = BASE["network"]["layers"]


def ask(**changes: Any) -> RanksAnswer:
    body = copy.deepcopy(BASE)
    body.update(changes)
    parsed = parse(body)
    return ranks(parsed.request, Limits(), parsed.problem_at)


def weights_like(scale: float) -> list[Any]:
    rng = np.random.default_rng(0)
    return [(scale * rng.normal(size=shape)).tolist() for shape in ((4, 2), (3, 4), (1, 3))]


def test_a_number_for_the_start_is_read_in_its_convention() -> None:
    assert ask(training={"initial_loss": 0.9}).layers[0].rank == 1
    assert ask(training={"initial_loss": 1.1}).layers[0].rank is None
    summed = {"loss": "exponential", "convention": "sum"}
    assert ask(objective=summed, training={"initial_loss": 3.6}).layers[0].rank == 1
    assert ask(objective=summed, training={"initial_loss": 4.4}).layers[0].rank is None


def test_labels_may_come_as_numbers_of_a_regression() -> None:
    numbers = {"kind": "samples", "x": BASE["data"]["x"], "y": [1.0, 1.0, 0.0, 0.0]}
    assert ask(data=numbers).max_margin.direction == ask().max_margin.direction


def test_every_null_has_its_reason() -> None:
    for answer in (ask(), ask(data={"kind": "none", "inputs": 2}), ask(objective={"loss": "squared"})):
        for statement in (*answer.layers, answer.end_to_end):
            for name in ("rank", "upper_bound", "conditional_upper_bound", "rule", "conditional_rule"):
                assert (getattr(statement, name) is None) is (name in statement.reasons)
        margin = answer.max_margin
        for name in ("direction", "margin", "support"):
            assert (getattr(margin, name) is None) is (name in margin.reasons)
        assert (answer.separability.separable is None) is ("separable" in answer.separability.reasons)


def test_snapshots_as_lists_and_by_number_agree() -> None:
    listed = {"weights": weights_like(0.1)}
    numbered = {"weights": {str(index + 1): rows for index, rows in enumerate(weights_like(0.1))}}
    one, other = ask(snapshots=[listed]), ask(snapshots=[numbered])
    assert one.layers[0].progress == other.layers[0].progress
    assert one.layers[0].progress is not None
    assert one.invariants[0].value is not None


def test_wrapped_and_bare_problems_agree() -> None:
    training = {"initial_loss": "below_chance"}
    parsed = parse({"problem": BASE, "training": training})
    assert ranks(parsed.request, Limits(), parsed.problem_at) == ask(training=training)


@pytest.mark.parametrize(
    ("changes", "location", "says"),
    [
        ({"training": {"initial_loss": "low"}}, ("training", "initial_loss"), "below_chance"),
        ({"snapshots": [{"weights": [[[1.0, 2.0]]]}]}, ("snapshots", 0, "weights"), "3 entries"),
        ({"snapshots": [{"weights": weights_like(1.0)[::-1]}]}, ("snapshots", 0, "weights", 0), "4 x 2"),
        ({"snapshots": [{"weights": {"1": [["a"]]}}]}, ("snapshots", 0, "weights", "1", 0, 0), "number"),
        ({"snapshots": [{"weights": {"9": [[1.0]]}}]}, ("snapshots", 0, "weights"), "from 1 to 3"),
        (
            {"snapshots": [{"weights": weights_like(1.0), "biases": [[1.0] * 4, None, None]}]},
            ("snapshots", 0, "biases", 0),
            "without bias",
        ),
        ({"network": {"layers": LAYERS, "skips": [SKIP]}}, ("network", "skips", 0), "widths"),
        (
            {"network": {"layers": LAYERS, "skips": [{**SKIP, "from": 2, "to": 1}]}},
            ("network", "skips", 0, "from"),
            "less",
        ),
        (
            {"network": {"layers": LAYERS, "skips": [{**SKIP, "to": 3, "kind": "concatenate"}]}},
            ("network", "skips", 0, "to"),
            "hidden",
        ),
        ({"data": {**BASE["data"], "y": [1, 1, 1, 1]}}, ("data", "y"), "two classes"),
        ({"objective": {"loss": "cross_entropy"}}, ("network", "layers", 2, "width"), "class"),
        (
            {"network": {"layers": [{"width": 2}]}, "objective": {"loss": "logistic"}},
            ("network", "layers", 0, "width"),
            "must be 1",
        ),
        (
            {"data": {"kind": "samples", "x": [[1.0], [2.0]], "y": [0.5, 1.0]}},
            ("data", "y", 0),
            "label",
        ),
    ],
)
def test_what_is_wrong_is_said_by_field(changes: dict[str, Any], location: tuple[str | int, ...], says: str) -> None:
    with pytest.raises(InputError) as caught:
        ask(**changes)
    found = caught.value.fields[0]
    assert found.location == location
    assert says in found.detail


def test_compression_tells_shapes_savings_and_loss() -> None:
    answer = ask(
        snapshots=[{"weights": weights_like(0.1)}], include=["compression", "rules"], training={"initial_loss": 0.5}
    )
    assert answer.compression is not None
    first = answer.compression.layers[0]
    assert first.left == [4, first.rank]
    assert first.parameters_after <= first.parameters_before
    assert answer.compression.loss_before is not None
    assert answer.rules is not None
    assert [rule.id for rule in answer.rules] == [rule.id for rule in RANK_RULES]


def test_the_command_prints_the_same_answer(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(BASE), encoding="utf-8")
    application.main(["ranks", str(path)], standalone_mode=False)
    assert json.loads(capsysbinary.readouterr().out) == json.loads(ask().model_dump_json(exclude_unset=True))
