"""What a reviewer looks for first, each point with the lines that show it."""

import re
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

ROOT: Final = Path(__file__).parent.parent
NEWLINE: Final = "\n"


@dataclass(frozen=True)
class Point:
    """A claim, where it shows, and what it does not say.

    Attributes
    ----------
    claim : str
    places : tuple of (str, str)
        A file and text of one of its lines; the report fails if the text is gone.
    but : str
        What is weaker than the claim; empty for nothing.
    """

    claim: str
    places: tuple[tuple[str, str], ...]
    but: str = ""


POINTS: Final = (
    Point(
        "Folders are floors; an upward import or a stray file fails `make check`.",
        (
            ("pyproject.toml", 'name = "Folders are floors'),
            ("tests/architecture/test_floors.py", "def test_no_stray_file_or_folder"),
            ("tests/architecture/test_rooms.py", "def test_"),
        ),
        "within a floor a file may stand in the wrong room; only its imports would show it",
    ),
    Point(
        "`import service.core` loads no pydantic and no FastAPI; a solver or rule is new files and rows of tables.",
        (
            ("tests/architecture/test_floors.py", '("service.core", ("pydantic", "fastapi"))'),
            ("service/core/catalogue.py", "SOLVERS"),
            ("tests/architecture/test_tables.py", "def test_every_file_is_reached_from_the_table"),
        ),
        "a solver is three new files: its page, the search and the certificate ([steps](adding.md))",
    ),
    Point(
        "Each answer names solver, theorems and checked hypotheses; `not-covered` names each hypothesis that failed.",
        (
            ("service/schemas/minima.py", "hypotheses: list[HypothesisFinding]"),
            ("service/core/dispatch.py", "raise NotCovered(attempts)"),
            ("tests/property/test_solvers.py", "def test_dispatch_finds_the_solver_and_names_what_was_checked"),
        ),
        "ranks name rules and diagnoses their tests in fields of their own, not as solver and theorems",
    ),
    Point(
        "A theorem has a case where it holds and, for each hypothesis, one that breaks it alone. Pages are generated.",
        (
            ("service/core/ground/rules.py", "class Exemption"),
            ("tests/property/test_theorems.py", "def test_a_broken_hypothesis_fails_alone_and_says_why"),
            ("service/cli/openapi.py", "theorems"),
        ),
        "the pages of theory, with the proofs, are written by hand; no test reads their formulas",
    ),
    Point(
        "Tests come from tables: a new solver is tested without new test code.",
        (
            ("tests/property/test_solvers.py", "def test_search_finds_nothing_below"),
            ("tests/property/test_solvers.py", "def test_rotating_the_inputs_rotates_the_map"),
            ("tests/property/test_solvers.py", "def test_loss_grows_with_every_decay_and_noise"),
            ("tests/property/test_solvers.py", "def test_certificate_holds"),
        ),
        "instances that reach the edges of a solver are added by hand",
    ),
    Point(
        "The same request gives the same JSON by function, HTTP, job and command.",
        (
            ("service/operations/table.py", "OPERATIONS"),
            (
                "tests/contract/jobs/test_every_way.py",
                "def test_an_answer_is_the_same_by_function_http_job_and_command",
            ),
            ("tests/contract/jobs/test_heavy.py", "def test_a_phase_diagram_is_the_same_inline_and_as_a_job"),
        ),
        "one example of each operation, answers in columns for batches alone",
    ),
    Point(
        "One contract suite runs over SQLite and PostgreSQL, embedded and cluster.",
        (
            ("tests/contract/jobs/test_service.py", 'params=["sqlite-embedded"'),
            ("tests/contract/jobs/conftest.py", 'params=["sqlite", "postgresql"]'),
        ),
        "jobs and their store; what is asked over HTTP runs over SQLite and an embedded pool",
    ),
    Point(
        "Routes are thin, errors map in one table, settings stand in one class and each is documented.",
        (
            ("service/web/routers/operations.py", "async def endpoint"),
            ("service/schemas/error_kinds.py", "BY_CODE"),
            ("service/settings.py", "class Settings"),
            ("tests/unit/test_settings.py", "settings.md"),
        ),
        "routes of uploads, lists and look-ups are written by hand, beside those that the table makes",
    ),
    Point(
        "Modules have one idea, functions fit a screen, comments say why.",
        (("service/core/ground/numbers/exceeding.py", "One decision"), ("CONTRIBUTING.md", "Comments say why")),
        "no test can check ideas and reasons; the sizes below are measured",
    ),
    Point(
        "`make check` is the one command, and CONTRIBUTING says in 80 lines how to add things.",
        (("Makefile", "check: lint test"), ("CONTRIBUTING.md", "## Adding a solver")),
        "it takes some ten minutes on two cores",
    ),
    Point(
        "mypy strict and warnings as errors hold, each exception with its reason.",
        (
            ("pyproject.toml", "strict = true"),
            ("pyproject.toml", "filterwarnings = ["),
            ("tests/architecture/test_unused.py", "USED_UNSEEN"),
        ),
        "that a reason is a good one is read, not tested",
    ),
)


def report() -> str:
    """The points with today's lines, and the sizes of modules and functions.

    Raises
    ------
    LookupError
        If a place is gone.
    """
    rows = [
        f"| {number} | {point.claim} | {', '.join(_place(*place) for place in point.places)} | {point.but} |"
        for number, point in enumerate(POINTS, 1)
    ]
    modules, functions = _sizes()
    return f"""
Each place is a line of today that shows the point; what is weaker than the claim stands behind it.

| | what a reviewer looks for | where it shows | what is weaker |
|---|---|---|---|
{NEWLINE.join(rows)}

Sizes below `service/`: {len(modules)} modules, {median(modules):.0f} lines in the middle and {max(modules)} at most;
{len(functions)} functions, {median(functions):.0f} lines in the middle, {sum(size > 60 for size in functions)} of more
than 60.
"""


def _place(file: str, text: str) -> str:
    for number, line in enumerate((ROOT / file).read_text(encoding="utf-8").splitlines(), 1):
        if text in line:
            return f"`{file}:{number}`"
    raise LookupError(f"{file} has no line with {text!r}")


def _sizes() -> tuple[list[int], list[int]]:
    """Lines of every module, and of every function from its head to the next line that is not below it."""
    modules, functions = [], []
    for path in sorted((ROOT / "service").rglob("*.py")):
        lines = path.read_text(encoding="utf-8").splitlines()
        modules.append(len(lines))
        for start, line in enumerate(lines):
            head = re.match(r"( *)(async )?def ", line)
            if head:
                functions.append(_length(lines[start:], len(head[1])))
    return modules, functions


def _length(lines: list[str], indent: int) -> int:
    last = 0
    for number, line in enumerate(lines[1:], 1):
        if line.strip() and len(line) - len(line.lstrip()) <= indent and not line.lstrip().startswith(")"):
            break
        last = number if line.strip() else last
    return last + 1
