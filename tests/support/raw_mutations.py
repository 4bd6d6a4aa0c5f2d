"""Faults put into the arithmetic, one at a time: each must show as a broken law on raw data."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from fractions import Fraction
from typing import Any, Final
from unittest.mock import patch

import numpy as np

from service.core.ground.as_sent import prediction_source
from service.core.ground.data import conditioned as data
from service.core.ground.enclosures import rows, second_moments
from service.core.ground.enclosures.sources import Local
from service.core.ground.numbers.twofold import Twofold
from service.operations.mapping.problem import to_core
from service.operations.minima import parse
from tests.support.raw_problems import RawProblem
from tests.support.raw_runs import LIMITS, WELL_CONDITIONED, run
from tests.support.raw_units import changed_by_units

SEED: Final = 7
"""Of the powers of two by which columns are multiplied."""
Near = Callable[..., Local]
SOURCES: Final = (rows.Rows, second_moments.SecondMoments)


def _evaluated_plainly(near: Near) -> Near:
    """The value and slope of double precision, told without an error."""

    def plain(self: Any, whole: Any, low: Any, precise: bool) -> Local:  # noqa: ARG001 - of the protocol
        return replace(near(self, whole, low, False), value_error=0.0, slope_error=np.zeros(whole.shape[1]))

    return plain


def _slope_taken_as_exact(near: Near) -> Near:
    def exact(self: Any, whole: Any, low: Any, precise: bool) -> Local:
        return replace(near(self, whole, low, precise), slope_error=np.zeros(whole.shape[1]))

    return exact


def _plain_evaluation(stack: ExitStack) -> None:
    for source in SOURCES:
        stack.enter_context(patch.object(source, "near", _evaluated_plainly(source.near)))


def _exact_slopes(stack: ExitStack) -> None:
    for source in SOURCES:
        stack.enter_context(patch.object(source, "near", _slope_taken_as_exact(source.near)))


def _no_scaling(stack: ExitStack) -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith("service.core") and hasattr(module, "powers_of_two"):
            stack.enter_context(patch.object(module, "powers_of_two", np.ones_like))


def _plain_means(stack: ExitStack) -> None:
    def difference(moments: Any, column: Any, row: Any) -> Any:
        return moments - column @ row

    def shifted(left: Any, right: Any) -> Twofold:
        whole = left + right
        return Twofold(whole, np.zeros_like(whole))

    stack.enter_context(patch.object(data, "_difference", difference))
    stack.enter_context(patch.object(rows, "two_sum", shifted))
    stack.enter_context(patch.object(second_moments, "product", _product))


def _product(left: Any, right: Any, sliced: Any = None) -> Twofold:  # noqa: ARG001 - of the real one
    whole = left @ right
    return Twofold(whole, np.zeros_like(whole))


MUTATIONS: Final[dict[str, Callable[[ExitStack], None]]] = {
    "values and slopes in plain double precision, their error bounds dropped": _plain_evaluation,
    "the error of the slope taken as zero": _exact_slopes,
    "no scaling of columns": _no_scaling,
    "means taken off in plain double precision": _plain_means,
}
"""Each fault by what it does."""


@contextmanager
def mutated(name: str) -> Iterator[None]:
    """The engine with one fault."""
    with ExitStack() as stack:
        MUTATIONS[name](stack)
        yield


def slope_is_enclosed(problem: RawProblem) -> bool:
    """Whether the slope at a map near the minimum lies within its error bound, by rational arithmetic."""
    core = to_core(parse(problem.body()).request.problem, LIMITS).core
    source = prediction_source(core, problem.bias)
    exact = problem.exact.centred() if problem.bias else problem.exact
    data = core.data.central if problem.bias else core.data
    spectrum = data.spectrum
    seen = spectrum.active
    whole = (spectrum.vectors[:, seen] @ (spectrum.projections[seen] / spectrum.values[seen, None])).T
    found = source.near(whole, np.zeros_like(whole), False)
    fitted = [[Fraction(entry) for entry in row] for row in whole.tolist()]
    for j in range(exact.inputs):
        off = Fraction(0)
        for row, slopes, k in zip(fitted, found.slope.tolist(), range(exact.outputs), strict=True):
            slope = exact.xy[j][k] - sum((w * exact.xx[i][j] for i, w in enumerate(row)), Fraction(0))
            off += (Fraction(slopes[j]) - slope) ** 2
        if off > Fraction(found.slope_error[j].item()) ** 2:
            return False
    return True


def broken_laws(problem: RawProblem) -> dict[str, str]:
    """Every law that the answer about a problem breaks."""
    found = dict(run(problem).failures)
    if not slope_is_enclosed(problem):
        found["slope beyond its error"] = ""
    if not problem.decayed and problem.condition < WELL_CONDITIONED and (changed := changed_by_units(problem, SEED)):
        found["units"] = changed
    return found
