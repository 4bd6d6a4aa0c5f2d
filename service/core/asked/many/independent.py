"""Certified global minima of many independent problems at once, as columns.

One-output problems of a shape are solved and certified together; every problem whose certificate does not
close that way, and every other one, is solved on its own.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import numpy.typing as npt

from service.core.asked.many.stack import fits_a_stack, stack_of
from service.core.asked.many.stacked_bound import stacked_bound
from service.core.asked.many.stacked_loss import balanced_losses
from service.core.asked.many.stacked_minima import best_maps
from service.core.asked.sweeps.one_by_one import parameter_norm_of
from service.core.dispatch import choose, solve
from service.core.extremes.targets import scaled_targets
from service.core.ground.numbers.arrays import BoolArray, FloatArray, IntArray
from service.core.ground.problems import Problem
from service.core.ground.results import Minima
from service.core.losses.expected import fit_of
from service.core.one_output.norm_bound import GAP_TOLERANCE
from service.errors import NotCovered
from service.vocabulary import Status

CANCELLING: Final = 1e-3
"""Share of the targets' mean square below which moments would lose digits of the loss."""
FEWEST: Final = 4
"""Problems of a shape below which stacking them saves nothing."""


@dataclass(frozen=True, slots=True)
class ManyMinima:
    """One entry for each problem, in the core's convention; the meanings are those of `GlobalMinimum`.

    Attributes
    ----------
    status : (m,) array of str
    loss, fit, noise, decay, norm, parameter_norm, prediction_variance : (m,) arrays
        ``parameter_norm`` is NaN where the infimum is not attained.
    lower_bound, relative_gap : (m,) arrays
        Of the certificate.
    trivial, attained : (m,) arrays of bool
    rank : (m,) array of int
    evaluation_fit : (m,) array
        NaN where a problem has no evaluation data.
    solved : (m,) array of bool
        False where a problem was given up, whose other entries mean nothing.
    """

    status: npt.NDArray[np.str_]
    loss: FloatArray
    fit: FloatArray
    noise: FloatArray
    decay: FloatArray
    norm: FloatArray
    parameter_norm: FloatArray
    prediction_variance: FloatArray
    lower_bound: FloatArray
    relative_gap: FloatArray
    trivial: BoolArray
    attained: BoolArray
    rank: IntArray
    evaluation_fit: FloatArray
    solved: BoolArray


def solve_many(
    problems: Sequence[Problem],
    one: Callable[[int, Problem], Minima | None] = lambda _, problem: solve(problem),
    alone: Collection[int] = (),
) -> ManyMinima:
    """Certified global minima of independent problems.

    Parameters
    ----------
    problems : sequence of Problem
        Each with data.
    one : callable
        Solves a problem, given its index, that is not solved together with others, or gives it up with None; for a
        caller who wants to know which one an error is about, or to look at a clock.
    alone : collection of int
        Problems that ``one`` must solve, such as those of another model.

    Returns
    -------
    ManyMinima

    Raises
    ------
    NotCovered, NumericalError
        By ``one``, for the first problem that it refuses.

    Notes
    -----
    A stacked answer counts only if its own bounds meet to the tolerance of a certificate, 1e-9.
    """
    found = _empty(len(problems))
    left = np.ones(len(problems), dtype=bool)
    for places in _shapes(problems, alone):
        left[places[_stacked(problems, places, found)]] = False
    for index in np.flatnonzero(left).tolist():
        minima = one(index, problems[index])
        if minima is None:
            found.solved[index] = False
        else:
            _put(found, index, minima)
    for index, problem in enumerate(problems):
        if problem.evaluation is None:
            found.evaluation_fit[index] = np.nan
    return found


def _empty(m: int) -> ManyMinima:
    longest = max(map(len, Status))
    kinds = {"status": f"U{longest}", "trivial": "?", "attained": "?", "rank": "i8", "solved": "?"}
    found = ManyMinima(**{field.name: np.zeros(m, dtype=kinds.get(field.name, "f8")) for field in fields(ManyMinima)})
    found.solved[:] = True
    return found


def _shapes(problems: Sequence[Problem], alone: Collection[int]) -> list[IntArray]:
    """Places of the problems that can be stacked, by number of inputs and depth."""
    groups: dict[tuple[int, int], list[int]] = {}
    for index, problem in enumerate(problems):
        if index not in alone and _is_stackable(problem):
            groups.setdefault((problem.data.inputs, problem.network.n_hidden), []).append(index)
    return [np.array(places) for places in groups.values() if len(places) >= FEWEST]


def _is_stackable(problem: Problem) -> bool:
    # a stack has no charges for inputs that were brought into range, and its targets have one unit
    if problem.extremes is not None or scaled_targets(problem) is not None:
        return False
    try:
        solver = choose(problem)[0]
    except NotCovered:
        # perhaps a reduction is
        return False
    return solver.one_curve and fits_a_stack(problem)


def _stacked(problems: Sequence[Problem], places: IntArray, found: ManyMinima) -> BoolArray:
    """Solve and certify a stack; which of its entries were put into ``found``."""
    chosen = [problems[place] for place in places.tolist()]
    stack = stack_of(chosen)
    # what overflows ends in a gap that is not small, and is solved on its own
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        maps = best_maps(stack)
        exact = balanced_losses(stack, maps)
        upper = exact.loss
        unit = np.maximum(np.maximum(np.abs(upper), 1e-6 * stack.variance), 1e-300)
        hints = exact.norm * np.exp(np.minimum(stack.log_factor, 600.0))
        lower = stacked_bound(stack, 0.2 * GAP_TOLERANCE * unit, upper, hints)
        gap = (upper - lower) / unit
    held = (gap <= GAP_TOLERANCE) & (gap >= 0.0) & (upper > CANCELLING * stack.variance)
    at = places[held]
    found.status[at] = Status.EXACT
    for name, column in (
        ("loss", upper),
        ("fit", exact.fit),
        ("noise", exact.noise),
        ("decay", exact.decay),
        ("norm", exact.norm),
        ("parameter_norm", exact.parameter_norm),
        ("prediction_variance", exact.noise),
        ("lower_bound", lower),
        ("relative_gap", gap),
    ):
        getattr(found, name)[at] = column[held]
    found.trivial[at] = exact.norm[held] == 0.0
    found.rank[at] = exact.norm[held] > 0.0
    found.attained[at] = True
    for place, row in zip(at.tolist(), maps[held], strict=True):
        evaluation = problems[place].evaluation
        if evaluation is not None:
            found.evaluation_fit[place] = fit_of(evaluation, row[None, :], np.zeros(1))
    return held


def _put(found: ManyMinima, index: int, one: Minima) -> None:
    """The columns of a problem that was solved on its own."""
    minimum, certificate = one.solution.minimum, one.certificate
    found.status[index] = one.status
    found.loss[index] = minimum.loss
    found.fit[index], found.noise[index] = minimum.terms.fit, minimum.terms.noise
    found.decay[index] = minimum.terms.decay
    found.norm[index] = float(np.linalg.norm(minimum.singular_values))
    found.parameter_norm[index] = parameter_norm_of(minimum)
    found.prediction_variance[index] = minimum.prediction_variance
    found.lower_bound[index], found.relative_gap[index] = certificate.lower_bound, certificate.relative_gap
    found.trivial[index], found.attained[index] = minimum.trivial, minimum.attained
    found.rank[index] = minimum.rank
    found.evaluation_fit[index] = np.nan if minimum.evaluation_fit is None else minimum.evaluation_fit
