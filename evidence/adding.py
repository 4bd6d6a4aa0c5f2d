"""The steps of CONTRIBUTING in a scratch copy: which files they touch, and which check names a step left out."""

import re
from typing import Final

from tests.support.steps import ADDITIONS, NAMES, Addition, Outcome, tried

BEFORE: Final = {
    "a solver": "3 written, `catalogue.py`; ten other files ask for solvers by name",
    "a theorem": "1 written, `catalogue.py`",
    "an operation": "4 written, 9 changed below `service/`, README",
}
"""When 0.2.0 began: the files that name `scalar_output`, a theorem, and `diagnose`."""
LONGEST: Final = 160
NEWLINE: Final = "\n"


def report() -> str:
    """Follow the steps, each time but one of them.

    Raises
    ------
    AssertionError
        If the checks complain although every step was taken, or say nothing although one was not.
    """
    whole = {addition.kind: tried(addition) for addition in ADDITIONS}
    for kind, outcome in whole.items():
        assert not outcome.failed, (kind, outcome.failed)
    rows = [
        f"| {kind} | {BEFORE[kind]} | {_files(outcome.written)} | {_files(outcome.changed)} |"
        for kind, outcome in whole.items()
    ]
    left_out = [_left_out(addition, step) for addition in ADDITIONS for step in addition.steps]
    return f"""
Every step of [CONTRIBUTING](../../CONTRIBUTING.md) is taken in a copy of the checkout, and those checks of
`make check` are asked that have to do with it. Solver and theorem are copies of ones that are there, under
another name; the operation is a small one of its own. Generated files are written by the commands of the steps.

| added | before | files written | files changed |
|---|---|---|---|
{NEWLINE.join(rows)}

## What is forgotten is named
The same with one step left out. The report fails if no check complains.

| added | left out | the first complaint |
|---|---|---|
{NEWLINE.join(left_out)}
"""


def _left_out(addition: Addition, step: str) -> str:
    outcome: Outcome = tried(addition, step)
    assert outcome.failed, f"{addition.kind}: nothing names the missing step: {step}"
    told = " ".join(outcome.failed[0].split()).replace("|", "\\|")
    return f"| {addition.kind} | {step} | {_as_written(told)[:LONGEST]} |"


def _files(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{_as_written(name)}`" for name in names) or "none"


def _as_written(text: str) -> str:
    """With NAME for the name of what is added, as CONTRIBUTING writes it."""
    return re.sub("|".join(NAMES), "NAME", text)
