"""`/v1/problems`: the minimum is the one of the data, equal parameters make equal problems, the program runs."""

import io
import json
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from service.schemas.generated import CHOSEN_GAP_EXAMPLE, GENERATED_EXAMPLE
from tests.serving import call


def made(base: str, **changes: Any) -> Any:
    reply = call(base, "POST", "/v1/problems", {**GENERATED_EXAMPLE, **changes})
    assert reply.status == 200, reply.content
    return reply.json


def test_equal_parameters_make_equal_problems(base: str) -> None:
    first, again, other = made(base), made(base, conditioning=1), made(base, seed=2)
    assert first == again
    assert first["id"].startswith("sha256:")
    assert first["id"] != other["id"]
    assert first["problem"]["data"] != other["problem"]["data"]


def test_the_data_have_the_prescribed_moments(base: str) -> None:
    data = made(base, conditioning=100.0, weight_decay=0.0, residual=0.5)["problem"]["data"]
    x, y = np.array(data["x"]), np.array(data["y"])
    values, vectors = np.linalg.eigh(x.T @ x / len(x))
    assert values[-1] / values[0] == pytest.approx(100.0)
    white = x @ vectors / np.sqrt(values)
    assert np.linalg.svd(white.T @ y / len(x), compute_uv=False) == pytest.approx([3.0, 2.0, 1.0])


def test_without_decay_the_minimum_is_what_the_bottleneck_leaves_out(base: str) -> None:
    answer = made(base, hidden_widths=[2], weight_decay=0.0, residual=0.5, conditioning=10.0)["minimum"]
    assert answer["status"] == "exact"
    assert answer["global_minimum"]["loss"] == pytest.approx(1.0 + 3 * 0.25)
    above = sorted(point["loss"] for point in answer["stationary_points"])
    assert above[0] == pytest.approx(1.75)


@pytest.mark.parametrize("hidden_widths", [[4], [5, 5], [3, 6, 4]])
@pytest.mark.parametrize(("weight_decay", "gap"), [(0.0, 0.5), (0.05, 0.25), (0.3, 1e-3)])
def test_rank_and_gap_are_those_asked_for(base: str, hidden_widths: list[int], weight_decay: float, gap: float) -> None:
    chosen = {**CHOSEN_GAP_EXAMPLE, "hidden_widths": hidden_widths, "weight_decay": weight_decay, "gap": gap}
    reply = call(base, "POST", "/v1/problems", chosen)
    assert reply.status == 200, reply.content
    answer = reply.json
    minimum = answer["minimum"]["global_minimum"]
    assert minimum["rank"] == 2
    losses = sorted(point["loss"] for point in answer["minimum"]["stationary_points"])
    assert losses[0] == pytest.approx(minimum["loss"], rel=1e-12)
    above = min(loss for loss in losses if loss > minimum["loss"] + 1e-9)
    assert above - minimum["loss"] == pytest.approx(gap, rel=1e-8)
    assert answer["next_critical_value"] == above


def test_any_problem_is_made_again_at_its_url_and_an_id_alone_says_so(base: str) -> None:
    answer = made(base, seed=2**40)
    assert call(base, "GET", answer["url"]).json == answer
    by_id = call(base, "GET", f"/v1/problems/{answer['id']}")
    assert by_id.status == 404
    assert "url" in by_id.json["detail"]
    assert call(base, "GET", answer["url"][:-2]).status == 404


def test_an_archive_can_be_sent_to_an_analysis_as_it_is(base: str) -> None:
    answer = made(base)
    accept = {"accept": "application/x-npz"}
    archive = call(base, "POST", "/v1/problems", GENERATED_EXAMPLE, accept).content
    assert call(base, "GET", answer["url"], None, accept).content == archive
    with np.load(io.BytesIO(archive), allow_pickle=False) as arrays:
        assert arrays["data.x"].tolist() == answer["problem"]["data"]["x"]
        told = json.loads(str(arrays["answer"]))
    assert told == {name: value for name, value in answer.items() if name != "problem"}
    solved = call(base, "POST", "/v1/minima", archive, {"content-type": "application/x-npz"}).json
    assert solved["global_minimum"]["loss"] == answer["minimum"]["global_minimum"]["loss"]


def test_every_problem_of_the_suite_has_a_certified_minimum(base: str) -> None:
    listed = call(base, "GET", "/v1/problems").json["problems"]
    assert len(listed) == 10
    conditions = sorted(row["parameters"]["conditioning"] for row in listed)
    assert (conditions[0], conditions[-1]) == (1.0, 1e10)
    for row in listed:
        found = call(base, "GET", f"/v1/problems/{row['id']}").json
        assert found["id"] == row["id"]
        assert found["minimum"]["certificate"]["kind"] == "certified"
    assert call(base, "GET", "/v1/problems/none").status == 404


@pytest.mark.parametrize(("noise_variance", "optimiser"), [(0.0, []), (0.2, ["SGD", "lr=0.02", "momentum=0.9"])])
def test_the_program_runs_and_approaches_the_minimum_from_above(
    base: str, noise_variance: float, optimiser: list[str]
) -> None:
    pytest.importorskip("torch", reason="the program needs PyTorch")
    changes = {"noise_variance": noise_variance, "outputs": 1, "singular_values": [2.0], "hidden_widths": [4]}
    program = made(base, **changes)["snippet"]
    command = [sys.executable, "-c", program, *optimiser, "--json", "--seed", "3"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    told = [json.loads(line) for line in ran.stdout.splitlines()]
    assert {line["seed"] for line in told} == {3}
    gaps = [line["above"] for line in told]
    assert len(gaps) == 5
    assert gaps[0] > 0.1
    assert -1e-9 < gaps[-1] < 1e-6


def test_a_program_that_diverges_says_so_and_fails(base: str) -> None:
    pytest.importorskip("torch", reason="the program needs PyTorch")
    command = [sys.executable, "-c", made(base)["snippet"], "SGD", "lr=1e6"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 1
    assert "diverged at step" in ran.stdout
    assert ran.stderr == ""


def test_the_program_explains_itself_without_pytorch_and_names_its_problem(base: str) -> None:
    found = made(base)
    least, certificate = found["minimum"]["global_minimum"]["loss"], found["minimum"]["certificate"]
    shown = subprocess.run(
        [sys.executable, "-c", found["snippet"], "--help"], capture_output=True, text=True, check=True
    )
    for told in (found["id"], found["url"], found["minimum"]["engine_version"], repr(least), "proved", "@misc{"):
        assert told in shown.stdout
    error = re.search(r"differs by (\S+) at most", shown.stdout)
    assert error is not None
    assert float(error[1]) >= 0.95 * (certificate["upper_bound"] - certificate["lower_bound"])
    wrong = subprocess.run(
        [sys.executable, "-c", found["snippet"], "Adam", "lr=fast"], capture_output=True, text=True, check=False
    )
    assert (wrong.returncode, "lr=0.01" in wrong.stderr, "Traceback" in wrong.stderr) == (2, True, False)


def test_what_is_left_out_has_the_defaults_of_the_schema(base: str) -> None:
    chosen = call(base, "POST", "/v1/problems", {"inputs": 4, "outputs": 3}).json
    assert chosen["singular_values"] == [3.0, 2.0, 1.0]
    told = call(base, "POST", "/v1/problems", {"inputs": 4, "outputs": 3, "singular_values": [3.0, 2.0, 1.0]}).json
    assert chosen["id"] == told["id"]
    ranked = call(base, "POST", "/v1/problems", {"inputs": 4, "outputs": 3, "hidden_widths": [3], "rank": 2}).json
    assert ranked["parameters"]["gap"] == 0.1
    assert ranked["next_critical_value"] - ranked["minimum"]["global_minimum"]["loss"] == pytest.approx(0.1, rel=1e-6)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"inputs": 0}, "/inputs"),
        ({"inputs": 3000}, "/inputs"),
        ({"samples": 6}, "/samples"),
        ({"singular_values": [4.0, 3.0, 2.0, 1.0]}, "/singular_values"),
        ({"singular_values": [0.0]}, "/singular_values"),
        ({"hidden_widths": [0]}, "/hidden_widths"),
        ({"unknown": 1}, "/unknown"),
        ({"gap": 0.5}, "/gap"),
        ({"singular_values": None, "gap": 0.5}, "/rank"),
        ({"inputs": 1, "outputs": 1, "singular_values": [1.0], "conditioning": 10.0}, "/conditioning"),
        ({"singular_values": None, "rank": 4, "gap": 0.5}, "/rank"),
        ({"singular_values": None, "rank": 2, "gap": 0.5, "noise_variance": 0.1}, "/noise_variance"),
        ({"singular_values": None, "rank": 2, "gap": 0.5, "conditioning": 2}, "/conditioning"),
        ({"singular_values": None, "rank": 2, "gap": 1e-9, "weight_decay": 0}, "/gap"),
    ],
)
def test_parameters_out_of_range_are_named(base: str, changes: dict[str, Any], pointer: str) -> None:
    reply = call(base, "POST", "/v1/problems", {**GENERATED_EXAMPLE, **changes})
    assert reply.status == 422
    assert reply.json["errors"][0]["pointer"] == pointer
