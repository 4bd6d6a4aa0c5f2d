"""Phase boundaries by threshold code: for each value of one parameter the critical values of another."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from service.core.asked.sweeps.axes import Axis, varied
from service.core.asked.sweeps.curve_boundaries import along, groups_of
from service.core.asked.sweeps.transitions import Boundary, Group, Traced, assembled, explain, nothing
from service.core.dispatch import choose, solve
from service.core.ground.problems import Problem
from service.vocabulary import SweepParameter


def trace(problem: Problem, axes: Sequence[Axis], traced: int) -> Boundary:
    """Trace the boundaries along one axis of a diagram.

    Parameters
    ----------
    problem : Problem
    axes : sequence of Axis
        One or two with different parameters.
    traced : int
        The axis whose critical values are wanted; its own values are not used.

    Returns
    -------
    Boundary
        Critical values to 1e-9 relative; they may lie outside the axis.

    Raises
    ------
    NotCovered
    """
    axis = axes[traced]
    other = [one for index, one in enumerate(axes) if index != traced]
    m = other[0].values.size if other else 1
    if axis.parameter is SweepParameter.DEPTH:
        return nothing(traced, m, "a depth is whole: compare neighbouring columns of the diagram")
    if not _on_one_curve(problem, other):
        return _from_solutions(problem, axis, other, traced, m)
    found: list[Traced] = []
    reasons: dict[str, str] = {}
    for group in groups_of(problem, other, m):
        rows, metastable, reason = along(group, axis)
        if reason:
            reasons["transitions"] = reasons["metastable"] = reason
        found.append((group, rows, metastable))
    boundary = assembled(found, traced, m)
    explain(boundary, axis, reasons)
    return replace(boundary, reasons=reasons)


def _on_one_curve(problem: Problem, other: Sequence[Axis]) -> bool:
    first = varied(problem, other, 0) if other else problem
    return choose(first)[0].one_curve


def _from_solutions(problem: Problem, axis: Axis, other: Sequence[Axis], traced: int, m: int) -> Boundary:
    """Thresholds of separate solutions, for what has no curve; only factors of all decays have them."""
    if axis.parameter is not SweepParameter.DECAY_SCALE:
        return nothing(traced, m, "traced along decay_scale only for several outputs")
    found: list[Traced] = []
    reasons: dict[str, str] = {}
    for index in range(m):
        single = varied(problem, other, index) if other else problem
        thresholds = solve(single).solution.thresholds
        for text in thresholds.reasons.values():
            reasons.setdefault("transitions", text)
        rows = [
            tuple(
                np.array([float(number)])
                for number in (jump.order, jump.decay_scale, jump.norm_before, jump.norm_after)
            )
            for jump in thresholds.transitions
        ]
        end = thresholds.metastable_up_to_decay_scale
        group = Group(single, (), np.array([index]))
        found.append((group, rows, np.array([np.nan if end is None else end])))
    boundary = assembled(found, traced, m)
    explain(boundary, axis, reasons)
    return replace(boundary, reasons=reasons)
