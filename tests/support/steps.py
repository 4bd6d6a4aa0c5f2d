"""The steps of CONTRIBUTING, followed literally in a copy of the checkout; what is left out is to be named by a check.

A solver and a theorem are made of ones that are there, under another name, so that what is tried is the steps and not
mathematics; an operation is a small one of its own.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

ROOT: Final = Path(__file__).parents[2]
COPIED: Final = ("service", "tests", "evidence", "benchmarks", "docs", "openapi", "requirements")
Step = Callable[[Path], list[str] | None]
"""Changes a copy; a command that refuses returns what it says."""
SERVICE: Final = "import sys; sys.argv = ['minima', *sys.argv[1:]]; from service.cli import main; main()"
PYTEST: Final = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=short")
TABLES: Final = "tests/architecture/test_tables.py"


@dataclass(frozen=True)
class Addition:
    """Something that is added.

    Attributes
    ----------
    kind : str
    steps : mapping
        What CONTRIBUTING says, in its order, and what is done.
    checks : tuple of tuple of str
        Commands of `make check` that have to do with it, for the interpreter.
    """

    kind: str
    steps: Mapping[str, Step]
    checks: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Outcome:
    """What the checks say of a copy.

    Attributes
    ----------
    left_out : str or None
        The step that was not done.
    failed : tuple of str
        What the checks that fail name, a line each.
    written, changed : tuple of str
        Files that are new, and files that are others than before.
    """

    left_out: str | None
    failed: tuple[str, ...]
    written: tuple[str, ...]
    changed: tuple[str, ...]


@contextmanager
def copied() -> Iterator[Path]:
    """A copy of the checkout."""
    with TemporaryDirectory() as folder:
        place = Path(folder)
        for name in COPIED:
            shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
        for file in (
            *ROOT.glob("*.md"),
            *ROOT.glob("*.toml"),
            *ROOT.glob("*.cff"),
            ROOT / "Makefile",
            ROOT / "LICENSE",
        ):
            shutil.copy(file, place / file.name)
        yield place


def run(place: Path, arguments: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """One command of the interpreter in a copy."""
    environment = {**os.environ, "PYTHONPATH": str(place), "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    call = [sys.executable, *arguments]
    return subprocess.run(call, cwd=place, env=environment, capture_output=True, text=True, check=False)


def tried(addition: Addition, left_out: str | None = None) -> Outcome:
    """Do all steps but one, and ask the checks."""
    failed: list[str] = []
    with copied() as place:
        before = _contents(place)
        for name, step in addition.steps.items():
            if name != left_out:
                failed += step(place) or ()
        after = _contents(place)
        if not failed:
            failed = [line for check in addition.checks for line in _complaints(run(place, check))]
    written = sorted(after.keys() - before.keys())
    changed = sorted(name for name in before if after.get(name) != before[name])
    return Outcome(left_out, tuple(failed), tuple(written), tuple(changed))


def _contents(place: Path) -> dict[str, bytes]:
    files = (file for file in place.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return {file.relative_to(place).as_posix(): file.read_bytes() for file in files}


def _complaints(ran: subprocess.CompletedProcess[str]) -> list[str]:
    """What a command that failed says, without what it says around it; of sets that differ, by what."""
    if ran.returncode == 0:
        return []
    lines = [line.strip() for line in (ran.stdout + ran.stderr).splitlines()]
    said = [line.removeprefix("E").strip() for line in lines if re.match(r"E  |minima: |\w+(\.\w+)*Error: ", line)]
    differ = [after for line, after in pairwise(said) if line.startswith("Extra items")]
    differ += [line for line in said if line.startswith("Left contains")]
    told = [*differ, *said] or lines[-3:] or ["it failed without a word"]
    return [re.sub(r" \(/\S+\)", "", line) for line in told]


def write(path: str, text: str) -> Step:
    """A new file."""

    def step(place: Path) -> None:
        (place / path).write_text(text, encoding="utf-8")

    return step


def copy(path: str, to: str, *changes: tuple[str, str]) -> Step:
    """A new file that is one that is there, words of it changed."""

    def step(place: Path) -> None:
        text = (place / path).read_text(encoding="utf-8")
        for old, new in changes:
            if re.search(old, text) is None:
                raise LookupError(f"{path} has no {old}")
            text = re.sub(old, new, text)
        (place / to).write_text(text, encoding="utf-8")

    return step


def insert(path: str, *rows: tuple[str, str]) -> Step:
    """Lines put before the first match of a pattern in a file that is there."""

    def step(place: Path) -> None:
        text = (place / path).read_text(encoding="utf-8")
        for pattern, line in rows:
            match = re.search(pattern, text, re.M)
            if match is None:
                raise LookupError(f"{path} has no {pattern}")
            text = text[: match.start()] + line + text[match.start() :]
        (place / path).write_text(text, encoding="utf-8")

    return step


def command(*arguments: str) -> Step:
    """A command that writes generated files."""

    def step(place: Path) -> list[str]:
        return _complaints(run(place, arguments))

    return step


SCHEMAS: Final = '''"""The request for and the answer of a baseline: what networks of any kind have to beat."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field

from service.schemas.base import Number, Wire
from service.schemas.problem import DESIGN_EXAMPLE, ProblemDocument

DESCRIPTION: Final = "Tell the loss of the network whose weights are all zero; the body is `{\\"problem\\": ...}`."
EXAMPLES: Final[Mapping[str, Any]] = {"the example of the guide": {"problem": DESIGN_EXAMPLE}}


class BaselinesRequest(Wire):
    """A problem, wrapped."""

    problem: ProblemDocument
    time_limit_s: Number | None = Field(default=None, gt=0, description="Seconds; at most the server's own limit.")


class BaselinesAnswer(Wire):
    """What is known without any training."""

    loss_of_zero: Number = Field(description="In the core's convention.")
    engine_version: str
'''
FUNCTION: Final = '''"""The loss of zero: what a network has to beat."""

from service.errors import Location
from service.operations.guards import check_time
from service.operations.mapping import problem as problem_mapping
from service.operations.mapping.locations import located
from service.schemas.baselines import BaselinesAnswer, BaselinesRequest
from service.settings import Limits
from service.version import ENGINE_VERSION


def baselines_s(_request: BaselinesRequest) -> float:
    """Seconds that a baseline takes: those of reading the problem."""
    return 1e-3


def baselines(request: BaselinesRequest, limits: Limits, problem_at: Location = ()) -> BaselinesAnswer:
    """Tell the loss of zero; parameters and errors are those of every analysis."""
    check_time(request.time_limit_s, limits)
    with located(problem_at):
        mapped = problem_mapping.to_core(request.problem, limits)
    return BaselinesAnswer(loss_of_zero=mapped.core.data.yy, engine_version=ENGINE_VERSION)
'''
ROW: Final = """    Operation(
        name="baselines",
        route=("POST", "/v1/baselines"),
        tag="minima",
        summary="What a network has to beat",
        returns="The loss of zero.",
        description="service.schemas.baselines:DESCRIPTION",
        examples="service.schemas.baselines:EXAMPLES",
        requests=("service.schemas.baselines:BaselinesRequest",),
        answers=("service.schemas.baselines:BaselinesAnswer",),
        function="service.operations.baselines:baselines",
        cost="service.operations.baselines:baselines_s",
        job=True,
    ),
"""
OPENAPI: Final = ("-c", SERVICE, "openapi")
OPERATION: Final = Addition(
    "an operation",
    {
        "request and answer in `service/schemas/`": write("service/schemas/baselines.py", SCHEMAS),
        "the function in `service/operations/`": write("service/operations/baselines.py", FUNCTION),
        "a row in `service/operations/table.py`": insert(
            "service/operations/table.py", (r'^    Operation\(\n        name="landscape"', ROW)
        ),
        "a line in the README": insert(
            "README.md", (r"^\| `POST /v1/landscape`", "| `POST /v1/baselines` | what a network has to beat |\n")
        ),
        "`make openapi`": command(*OPENAPI),
        "`make answers`": command("-m", "tests.support.answers", "store"),
    },
    (
        (*PYTEST, TABLES, "tests/unit/operations/test_table.py"),
        (*OPENAPI, "--check"),
        (*PYTEST, "tests/reference/test_answers.py", "-k", "seed or every_operation"),
    ),
)
SOLVER: Final = Addition(
    "a solver",
    {
        "the theorem in `docs/theory/`": write("docs/theory/ridge-again.md", "# One output again\nAs before.\n"),
        "the solver in `service/core/solvers/`": copy(
            "service/core/solvers/scalar_output.py",
            "service/core/solvers/scalar_again.py",
            (r'"scalar_output"', '"scalar_again"'),
            (r"docs/theory/[\w-]+\.md", "docs/theory/ridge-again.md"),
        ),
        "the certificate in `service/core/certificates/`": copy(
            "service/core/certificates/scalar_output.py", "service/core/certificates/scalar_again.py"
        ),
        "a row in `service/core/catalogue.py`": insert(
            "service/core/catalogue.py",
            (
                r"^from service\.core\.certificates\.scalar_output",
                "from service.core.certificates.scalar_again import certify as certify_scalar_again\n",
            ),
            (r"^    scalar_output,\n", "    scalar_again,\n"),
            (r"^    \(scalar_output\.SOLVER", "    (scalar_again.SOLVER, certify_scalar_again),\n"),
        ),
    },
    (
        (*PYTEST, TABLES),
        (*PYTEST, "tests/property/test_solvers.py", "-k", "scalar_again"),
    ),
)
THEOREM: Final = Addition(
    "a theorem",
    {
        "the theorem in `service/core/theorems/`": copy(
            "service/core/theorems/linear_noisy.py",
            "service/core/theorems/noisy_again.py",
            (r'id="noise-', 'id="again-noise-'),
        ),
        "a row in `service/core/catalogue.py`": insert(
            "service/core/catalogue.py",
            (r"^    reductions,\n", "    noisy_again,\n"),
            (r"^    \*linear_noisy\.THEOREMS", "    *noisy_again.THEOREMS,\n"),
        ),
        "`make openapi`": command(*OPENAPI),
    },
    ((*PYTEST, TABLES, "tests/property/test_theorems.py"), (*OPENAPI, "--check")),
)
NAMES: Final = ("ridge-again", "scalar_again", "noisy_again", "baselines")
"""What the files are called that the steps write."""
ADDITIONS: Final = (SOLVER, THEOREM, OPERATION)
