"""The command line: JSON for programs, tables for people, one line and a status for errors."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from service.cli import application
from service.cli.deferred import DeferredCommand
from service.operations.answered import as_model
from service.operations.asking import ask
from service.operations.loaded import examples_of
from service.operations.plans.columns import plain
from service.operations.plans.running import run_here
from service.operations.table import BY_NAME, OPERATIONS
from service.schemas.diagnose import DIAGNOSE_EXAMPLE
from service.schemas.generated import CHOSEN_GAP_EXAMPLE
from service.schemas.problem import DESIGN_EXAMPLE
from service.settings import Limits
from service.version import ENGINE_VERSION

COMMAND = [sys.executable, "-c", "from service.cli import main; main()"]
ROOT = Path(__file__).parents[3]

Run: TypeAlias = Callable[..., tuple[int, bytes, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Exit status, standard output and standard error of a command, in this process."""

    def command(*arguments: str) -> tuple[int, bytes, str]:
        monkeypatch.setattr(sys, "argv", ["minima", *arguments])
        with pytest.raises(SystemExit) as left:
            application.main()
        captured = capfdbinary.readouterr()
        return int(left.value.code or 0), captured.out, captured.err.decode()

    return command


@pytest.fixture
def problem(tmp_path: Path) -> str:
    file = tmp_path / "problem.json"
    file.write_text(json.dumps(DESIGN_EXAMPLE))
    return str(file)


def written(folder: Path, document: Any) -> str:
    file = folder / "document.json"
    file.write_text(json.dumps(document))
    return str(file)


def test_solve_without_the_map_then_verify(run: Run, problem: str, tmp_path: Path) -> None:
    answer = json.loads(run("solve", problem, "--no-map")[1])
    assert answer["global_minimum"]["end_to_end_map"] is None
    assert "return.map" in answer["global_minimum"]["reasons"]["end_to_end_map"]
    status, out, _ = run("verify", written(tmp_path, answer))
    assert status == 0
    assert json.loads(out)["agrees"]


def test_solve_then_verify(run: Run, problem: str, tmp_path: Path) -> None:
    status, out, _ = run("solve", problem)
    answer = json.loads(out)
    assert status == 0
    assert answer["problem"]["data"]["xy"] == [[0.9]]
    assert answer["global_minimum"]["weights"][0]["shape"] == [8, 1]
    status, out, _ = run("verify", written(tmp_path, answer))
    assert status == 0
    assert json.loads(out)["agrees"]


def test_diagnose_names_the_saddle_and_a_step_down(run: Run, tmp_path: Path) -> None:
    status, out, _ = run("diagnose", written(tmp_path, DIAGNOSE_EXAMPLE))
    answer = json.loads(out)
    assert status == 0
    assert answer["class"] == "strict_saddle"
    assert answer["loss"] - answer["escape"]["decrease"] == pytest.approx(answer["escape"]["loss"])


def test_diagnose_refuses_weights_that_do_not_fit(run: Run, tmp_path: Path) -> None:
    status, _, err = run("diagnose", written(tmp_path, {**DIAGNOSE_EXAMPLE, "weights": [[[1.0]], [[1.0]]]}))
    assert status == 2
    assert "weights/0 must have 2 rows and 2 columns" in err


def test_verify_rejects_and_names_the_field(run: Run, problem: str, tmp_path: Path) -> None:
    answer = json.loads(run("solve", problem)[1])
    answer["global_minimum"]["loss"] *= 1 + 1e-6
    status, out, err = run("verify", written(tmp_path, answer))
    assert status == 1
    assert "global_minimum.loss does not agree" in err
    assert not json.loads(out)["agrees"]


def test_verify_says_that_an_answer_without_weights_is_incomplete(run: Run, problem: str, tmp_path: Path) -> None:
    answer = json.loads(run("solve", problem, "--weights", "none")[1])
    status, out, err = run("verify", written(tmp_path, answer))
    assert status == 3
    assert json.loads(out)["outcome"] == "incomplete"
    assert "the answer is incomplete: global_minimum.weights not returned" in err
    answer["global_minimum"]["loss"] *= 1 + 1e-6
    assert run("verify", written(tmp_path, answer))[0] == 1


@pytest.mark.parametrize(("command", "route"), [("landscape", "/v1/landscape"), ("ranks", "/v1/ranks")])
def test_verify_refuses_answers_of_other_operations_by_name(
    run: Run, problem: str, tmp_path: Path, command: str, route: str
) -> None:
    answer = json.loads(run(command, problem)[1])
    status, out, err = run("verify", written(tmp_path, answer))
    assert (status, out) == (2, b"")
    assert err == f"minima: the input is an answer of {route}; verify accepts answers of /v1/minima\n"


def test_verify_tells_on_a_terminal_what_it_did_for_each_field(
    run: Run, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = json.loads(run("solve", problem)[1])
    answer["stationary_points"][1]["norm"] *= 1 + 1e-6
    file = written(tmp_path, answer)
    monkeypatch.setattr("service.cli.verify.wants_json", lambda *, asked: asked)
    monkeypatch.setenv("COLUMNS", "2000")
    status, out, _ = run("verify", file)
    assert status == 1
    for line in (
        "recomputed from the weights and the problem, without a solver: global_minimum.loss",
        "solved again by this engine: status",
        "not covered: summary",
        "stationary_points[1].norm",
        "the answer is wrong in the fields above",
    ):
        assert line in out.decode()


def test_verify_with_the_problem_beside_the_answer(run: Run, problem: str, tmp_path: Path) -> None:
    answer = json.loads(run("solve", problem)[1])
    del answer["problem"]
    file = written(tmp_path, answer)
    assert run("verify", file)[0] == 2
    assert run("verify", file, "--problem", problem)[0] == 0
    other = tmp_path / "other.json"
    other.write_text(json.dumps({**DESIGN_EXAMPLE, "objective": {"convention": "half_mean"}}))
    status, _, err = run("verify", file, "--problem", str(other))
    assert status == 1
    assert "problem_hash" in err


@pytest.mark.parametrize("form", ["none", "factors", "full"])
def test_weights_in_the_form_asked_for(run: Run, problem: str, form: str) -> None:
    weights = json.loads(run("solve", problem, "--weights", form)[1])["global_minimum"]["weights"]
    kinds = {"none": "NoneType", "factors": "dict", "full": "list"}
    assert type(weights[0] if weights else weights).__name__ == kinds[form]


def test_the_request_decides_about_weights_unless_the_option_does(run: Run, tmp_path: Path) -> None:
    file = written(tmp_path, {"problem": DESIGN_EXAMPLE, "return": {"weights": "full"}})
    assert isinstance(json.loads(run("solve", file)[1])["global_minimum"]["weights"][0], list)


def test_examples_and_theorems(run: Run) -> None:
    assert len(json.loads(run("examples")[1])["examples"]) == 6
    iris = json.loads(run("examples", "iris", "--raw")[1])
    assert iris["data"]["x"][0] == [5.1, 3.5, 1.4, 0.2]
    theorems = json.loads(run("theorems")[1])["theorems"]
    assert json.loads(run("theorems", theorems[0]["id"])[1]) == theorems[0]


def test_openapi_is_written_and_checked(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "folder" / "openapi.json"
    assert run("openapi", str(file), "--check")[0] == 1
    assert run("openapi", str(file))[0] == 0
    assert run("openapi", str(file), "--check")[0] == 0
    file.write_bytes(file.read_bytes() + b" ")
    status, _, err = run("openapi", str(file), "--check")
    assert status == 1
    assert "make openapi" in err


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        ("{", 2, "the body is not JSON"),
        (json.dumps({**DESIGN_EXAMPLE, "colour": 1}), 2, "colour is not a known field"),
        (json.dumps({**DESIGN_EXAMPLE, "objective": {"loss": "logistic"}}), 3, "no exact result covers this problem"),
    ],
)
def test_errors_are_one_line_and_a_status(run: Run, tmp_path: Path, content: str, status: int, says: str) -> None:
    file = tmp_path / "problem.json"
    file.write_text(content)
    found, out, err = run("solve", str(file))
    assert (found, out) == (status, b"")
    assert says in err
    assert err.startswith("minima: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("name", ["ranks", "sweeps", "spectra"])
def test_a_command_made_of_a_row_gives_the_answer_of_its_operation(run: Run, tmp_path: Path, name: str) -> None:
    row = BY_NAME[name]
    body = next(iter(examples_of(row).values()))
    question = ask(name, body, Limits())
    if row.work is None:
        expected = as_model(question.answer(Limits())).model_dump(mode="json", exclude_unset=True)
    else:
        assert question.loaded.work is not None
        expected = plain(run_here(question.plan(Limits()), question.loaded.work.functions))
    assert row.command is not None
    status, out, _ = run(row.command.name, written(tmp_path, body))
    assert (status, json.loads(out)) == (0, json.loads(json.dumps(expected)))


def test_a_problem_alone_stands_for_a_request(run: Run, problem: str, tmp_path: Path) -> None:
    wrapped = written(tmp_path, {"problem": DESIGN_EXAMPLE})
    assert json.loads(run("sweeps", problem)[1]) == json.loads(run("sweeps", wrapped)[1])


def test_files_and_names_that_do_not_exist(run: Run, tmp_path: Path) -> None:
    status, _, err = run("solve", str(tmp_path / "absent.json"))
    assert status == 2
    assert "absent.json cannot be read: No such file" in err
    assert run("theorems", "absent")[0] == 2
    assert run("examples", "absent")[0] == 2
    assert run("no-such-command")[0] == 2


def test_a_wrong_setting_is_one_line(run: Run, problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIMA_MAX_INPUTS", "many")
    status, _, err = run("solve", problem)
    assert status == 2
    assert err.startswith("minima: a setting is not valid: MINIMA_MAX_INPUTS: ")
    assert err.count("\n") == 1


def test_every_operation_with_a_command_has_it(run: Run) -> None:
    names = set(application.application.commands)
    assert {operation.command.name for operation in OPERATIONS if operation.command} <= names
    assert run("version")[1].decode().strip() == ENGINE_VERSION
    assert {"serve", "openapi"} <= names


@pytest.mark.parametrize("command", application.COMMANDS, ids=lambda command: str(command.name))
def test_the_list_of_commands_says_what_each_says_itself(command: DeferredCommand) -> None:
    assert command.loaded().get_short_help_str(1000) == command.get_short_help_str(1000)


def test_standard_input_and_a_pipe() -> None:
    asked = json.dumps(DESIGN_EXAMPLE).encode()
    solved = subprocess.run([*COMMAND, "solve", "-"], input=asked, capture_output=True, check=True, cwd=ROOT)
    verified = subprocess.run([*COMMAND, "verify", "-"], input=solved.stdout, capture_output=True, check=True, cwd=ROOT)
    assert json.loads(verified.stdout)["agrees"]


def test_tables_on_a_terminal(problem: str) -> None:
    ours, theirs = os.openpty()
    with subprocess.Popen([*COMMAND, "solve", problem], stdout=theirs, cwd=ROOT, env={**os.environ, "COLUMNS": "100"}):
        os.close(theirs)
        shown = b""
        while chunk := read(ours):
            shown += chunk
    os.close(ours)
    text = shown.decode()
    assert "Global minimum (exact, certified)" in text
    assert "0.715923671" in text
    assert "strict_saddle" in text
    assert not text.lstrip().startswith("{")


def read(terminal: int) -> bytes:
    """What a terminal shows next; nothing once the program has left it."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def test_a_taken_port_is_one_clear_line(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        status, _, err = run("serve", "--port", port)
    assert status == 2
    assert (
        err == f"minima: port {port} of 127.0.0.1 cannot be used: Address already in use; choose another with --port\n"
    )


def test_the_demonstration_prints_a_certified_answer_and_stays_up_until_interrupted() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [*COMMAND, "serve", "--demo", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, text=True) as process:
        assert process.stdout
        assert process.stderr
        shown = ""
        deadline = time.monotonic() + 60
        while "Ctrl-C" not in shown and time.monotonic() < deadline:
            shown += process.stdout.readline()
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        status, errors = process.wait(60), process.stderr.read()
    assert status == 0
    assert errors == ""
    assert "exact, certified" in shown
    assert f"http://localhost:{port}/docs" in shown


def test_problems_are_listed_made_and_measured(run: Run, tmp_path: Path) -> None:
    rows = json.loads(run("problems")[1])["problems"]
    made = json.loads(run("problems", rows[0]["id"])[1])
    assert made["parameters"] == rows[0]["parameters"]
    file = written(tmp_path, CHOSEN_GAP_EXAMPLE)
    chosen = json.loads(run("problems", "--parameters", file)[1])
    assert chosen["minimum"]["global_minimum"]["rank"] == CHOSEN_GAP_EXAMPLE["rank"]
    assert json.loads(run("problems", chosen["url"].rsplit("/", 1)[1])[1]) == chosen
    assert run("problems", "--parameters", file, "--as", "pytorch")[1].decode() == chosen["snippet"]
    archive = tmp_path / "problem.npz"
    archive.write_bytes(run("problems", "--parameters", file, "--as", "npz")[1])
    status, out, _ = run("solve", str(archive))
    assert status == 0
    assert json.loads(out)["global_minimum"]["loss"] == chosen["minimum"]["global_minimum"]["loss"]
    status, _, told = run("problems", "none")
    assert status == 2
    assert "url" in told


def test_a_table_is_read_without_a_server(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "pets.csv"
    rows = [f"{('cat', 'dog')[at % 2]};{at},5;{at * at}" for at in range(12)]
    file.write_text("\n".join(["kind;age;weight", *rows, "cat;NA;3"]))
    status, out, _ = run("datasets", str(file), "--missing", "mean")
    told = json.loads(out)
    assert (status, told["samples"], [column["kind"] for column in told["file_columns"]]) == (
        0,
        13,
        ["category", "number", "number"],
    )
    problem = {"network": {"layers": [{"width": 1}], "bias": "output"}, "data": told["data"]}
    assert run("solve", written(tmp_path, problem))[0] == 0
    status, _, said = run("datasets", str(file), "--missing", "refuse")
    assert (status, "is missing" in said, "row 12" in said) == (2, True, True)
    assert run("datasets", str(tmp_path / "none.csv"))[0] == 2
    assert "--missing" in run("datasets", str(file), "--missing", "all")[2]
    assert "content type" in run("datasets", str(tmp_path / "a.doc"))[2]


def test_the_version_by_what_people_type_first() -> None:
    found = subprocess.run([*COMMAND, "--version"], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout == f"minima {ENGINE_VERSION}\n"
