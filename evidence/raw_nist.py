"""NIST's certified regressions as networks of one, two and three layers, from samples and from a csv upload."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tests.reference.exact_truth import composed
from tests.reference.nist import CERTIFIED_DIGITS, FITS, REQUIRED_DIGITS, Regression, regression
from tests.support.raw_problems import RawProblem
from tests.support.raw_runs import judged, run, weights_of
from tests.support.raw_seen import nist_problem
from tests.support.raw_uploads import answered_from_csv, kept, server

DEPTHS: Final = (0, 1, 2)
SAMPLES_ONLY: Final = ("Filip",)
"""Scaled condition 4e9: nothing is promised of what an upload keeps."""
FIT: Final = 1e-12
"""Share of the sum of squares of the targets that a fit without error may leave."""
LOSS: Final = 1e-9
"""Relative error of any other residual sum of squares."""
RETURN: Final = {"return": {"weights": "full", "problem": True}}


@dataclass(frozen=True)
class Row:
    """One regression, one depth, one way to send it."""

    data: Regression
    problem: RawProblem
    way: str
    answer: Mapping[str, Any]
    failures: Mapping[str, str]

    @property
    def digits(self) -> float:
        """Log relative error of the worst coefficient, as told and as the told weights compose."""
        minimum = self.answer["global_minimum"]
        (told,), told_offset = minimum["end_to_end_map"], (minimum.get("output_offset") or [0.0])[0]
        (slopes,), (offset,) = composed(*weights_of(self.answer))
        return min(
            self.data.digits(np.array(told, dtype=np.float64), float(told_offset)),
            self.data.digits(np.array([float(slope) for slope in slopes]), float(offset)),
        )

    @property
    def loss_error(self) -> float:
        """Of the residual sum of squares; relative to the sum of squares of the targets where it is zero."""
        loss, size = self.answer["global_minimum"]["loss"], float(np.sum(self.data.y**2))
        true = self.problem.truth
        assert true is not None
        return float(abs(loss - float(true))) / (size if self.data.name in FITS else float(true))

    @property
    def spared(self) -> bool:
        """Whether nothing is promised of this way."""
        return self.way == "csv" and self.data.name in SAMPLES_ONLY

    @property
    def wrong(self) -> list[str]:
        """What is not as promised."""
        found = [f"{law}: {figures}" for law, figures in self.failures.items()]
        required = REQUIRED_DIGITS[self.data.name]
        if self.digits < required and not self.spared:
            found.append(f"{self.digits:.1f} digits of {required}")
        if self.loss_error > (FIT if self.data.name in FITS else LOSS) and not self.spared:
            found.append(f"loss off by {self.loss_error:.1e}")
        return found

    def text(self) -> str:
        """One line of the table."""
        return (
            f"| {self.data.name} | {self.problem.condition:.1e} | {len(self.problem.hidden) + 1} | {self.way} | "
            f"{self.answer['status']} | {self.digits:.1f} | {REQUIRED_DIGITS[self.data.name]} | {self.loss_error:.0e} |"
        )


def rows() -> Iterator[Row]:
    """Every regression in every form."""
    with server() as base:
        for name in REQUIRED_DIGITS:
            for depth in DEPTHS:
                problem = nist_problem(regression(name), depth)
                sent = run(problem)
                if sent.answer is None:
                    raise AssertionError(f"{problem.name}: {sent.failures}")
                yield Row(regression(name), problem, "samples", sent.answer, sent.failures)
                uploaded = answered_from_csv(base, problem, **RETURN)
                yield Row(regression(name), problem, "csv", uploaded, judged(kept(problem, uploaded), uploaded))


def report() -> str:
    """Solve, compare, and raise on anything that falls short."""
    found = list(rows())
    wrong = [f"{row.problem.name} from {row.way}: {'; '.join(row.wrong)}" for row in found if row.wrong]
    if wrong:
        raise AssertionError("\n".join(wrong))
    table = "\n".join(row.text() for row in found)
    return f"""
The certified linear regressions of the NIST Statistical Reference Datasets, posted as networks without decay: an output
bias where the model has a constant, hidden layers of width 2. Csv files are uploaded to a running server and then used
by their id. *Digits*: log relative error of the worst coefficient, the constant included; certified values have
{CERTIFIED_DIGITS:g}. *Loss*: error of the residual sum of squares, relative to the exact one of the numbers that were
sent; for {" and ".join(FITS)}, whose residual is zero, relative to the sum of squares of the targets. The bounds of
every answer were compared with exact arithmetic, those from csv on the factor that was kept of the file.

| data | scaled condition | layers | from | status | digits | required | loss |
|---|---|---|---|---|---|---|---|
{table}

The powers of Filip are rounded to double precision before anybody sees them, which alone leaves 7.6 digits of its
coefficients; from csv nothing is required of it.
"""
