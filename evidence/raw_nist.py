"""NIST's certified regressions as networks of one, two and three layers, from samples and from a csv upload."""

from collections.abc import Iterator

from tests.support.nist import CERTIFIED_DIGITS, FITS, REQUIRED_DIGITS, regression
from tests.support.raw_regressions import DEPTHS, RETURN, Row
from tests.support.raw_runs import judged, run
from tests.support.raw_seen import nist_problem
from tests.support.raw_uploads import answered_from_csv, kept, server


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
