"""Raw data: units change nothing, and no operation contradicts another."""

from collections import Counter
from itertools import product
from typing import Final

from tests.support.raw_agreement import ASKED, disagreements
from tests.support.raw_tables import SEEDS, TABLES, table_problem
from tests.support.raw_units import (
    LARGEST_EXPONENT,
    ROUNDINGS,
    SAME_IN_OTHER_UNITS,
    SAME_LOSS,
    changed_by_units,
    changed_by_upload,
    small,
    undecayed,
)
from tests.support.raw_uploads import server

RESCALED: Final = 300
AGREEING: Final = 200


def report() -> str:
    """Rescale, ask everybody, raise on any difference."""
    wrong = []
    for seed, problem in enumerate(undecayed(RESCALED)):
        changed = changed_by_units(problem, seed)
        if changed:
            wrong.append(f"{problem.name} in other units: {changed}")
    with server() as base:
        for kind, seed in product(TABLES, SEEDS):
            problem = table_problem(kind, seed)
            changed = changed_by_upload(base, problem)
            if changed:
                wrong.append(f"{problem.name} from csv: {changed}")
    by_operation: Counter[str] = Counter()
    for problem in small(AGREEING):
        for operation, difference in disagreements(problem).items():
            by_operation[operation] += 1
            wrong.append(f"{problem.name}, {operation}: {difference}")
    if wrong:
        raise AssertionError(f"{len(wrong)} contradictions, {dict(by_operation)}\n" + "\n".join(wrong))
    return f"""
**Units.** In {RESCALED} problems of the [scan](raw_scan.md) without decay every input was multiplied by a power of two
between 2^-{LARGEST_EXPONENT} and 2^{LARGEST_EXPONENT}, drawn for each. Where gaps must close no status changed, and no
loss by more than {SAME_IN_OTHER_UNITS:g} of the variance of the targets; elsewhere no loss by more than its gap leaves
open.

**Uploads.** {len(SEEDS)} tables of each of {len(TABLES)} kinds ({", ".join(TABLES)}) were sent as samples and
uploaded as csv to a running server. No loss differs by more than {SAME_LOSS:g} of the variance of the targets, or
{ROUNDINGS:g} times the scaled condition where this is more; no status where gaps must close. Bounds hold for the factor
that was kept of the file, which comes back with the answer.

**Agreement.** {AGREEING} problems of the scan were put to `minima` and to {", ".join(ASKED)}. Losses agree to the
tolerance of the certificates, no bound of one is beyond that of another, `diagnose` finds the returned weights to be
the global minimum that they are said to be, `verify` confirms every field, ranks are those of exact elimination
wherever the scaled condition is below 1e7, and residuals of affine maps those of exact least squares.
"""
