"""The global minimum as one thing is varied: arrays in the order of the values.

One-output problems are swept on one table of the branch; whatever else dispatch covers, and points at which the
eigenpairs of ill-conditioned data lack digits of the loss, are solved value by value.  Both agree to 1e-11.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from service.core.asked.sweeps.axes import Axis, settings_of, varied, with_depth
from service.core.asked.sweeps.columns import Sweep, joined, replaced
from service.core.asked.sweeps.one_by_one import one_by_one
from service.core.asked.sweeps.one_table import on_one_table
from service.core.dispatch import choose
from service.core.extremes.targets import scaled_targets
from service.core.ground.numbers.arrays import FloatArray, IntArray
from service.core.ground.problems import Problem
from service.core.one_output.reduced import noise_changes_form
from service.vocabulary import SweepParameter


def sweep_of(problem: Problem, parameter: SweepParameter, values: FloatArray) -> Sweep:
    """Global minima for many values of one parameter.

    Parameters
    ----------
    problem : Problem
    parameter : SweepParameter
    values : (m,) array
        Finite and >= 0; whole and >= 1 for a width.

    Returns
    -------
    Sweep

    Raises
    ------
    NotCovered
        If no solver applies to the problem.
    """
    return sweep_points(problem, [Axis(parameter, values)])


def sweep_points(problem: Problem, axes: Sequence[Axis], within: Sequence[Axis] | None = None) -> Sweep:
    """Global minima at the points whose coordinates are the entries of the axes.

    Parameters
    ----------
    problem : Problem
    axes : sequence of Axis
        One or more with different parameters, all of length m.
    within : sequence of Axis, optional
        Axes of the grid that the points are a part of.  The numbers at a point then do not depend on which
        other points are asked for with it, to the last bit.

    Returns
    -------
    Sweep

    Raises
    ------
    NotCovered
        If no solver applies to the problem.
    ValueError
        If a depth is asked of a network without a hidden layer.
    """
    whole = axes if within is None else within
    depths = [axis.values for axis in axes if axis.parameter is SweepParameter.DEPTH]
    if not depths:
        return _at_depth(problem, axes, None if within is None else whole)
    rest = [axis for axis in axes if axis.parameter is not SweepParameter.DEPTH]
    around = [axis for axis in whole if axis.parameter is not SweepParameter.DEPTH]
    pieces = []
    groups = [np.flatnonzero(depths[0] == depth) for depth in np.unique(depths[0])]
    for group in groups:
        depth = round(float(depths[0][group[0]]))
        at_depth = replace(problem, network=with_depth(problem.network, depth))
        part = _taken(rest, group) or (Axis(SweepParameter.DECAY_SCALE, np.ones(group.size)),)
        pieces.append(_at_depth(at_depth, part, None if within is None else around or part[:1]))
    return joined(pieces, np.concatenate(groups))


def _at_depth(problem: Problem, axes: Sequence[Axis], within: Sequence[Axis] | None) -> Sweep:
    """A sweep in which no depth is varied."""
    solver, _, _ = choose(problem)
    if not solver.one_curve or scaled_targets(problem) is not None:
        return one_by_one(problem, axes)
    noisy = [axis for axis in axes if axis.parameter in (SweepParameter.NOISE_VARIANCE, SweepParameter.WIDTH)]
    if not noisy or not noise_changes_form(problem.network, problem.data):
        return _on_table(problem, axes, within)
    # each noise has a quadratic form of its own
    log_factors = settings_of(problem.network, axes).log_factor
    groups = [np.flatnonzero(log_factors == factor) for factor in np.unique(log_factors)]
    pieces = []
    for group in groups:
        part = _taken(axes, group)
        pieces.append(_on_table(varied(problem, _taken(noisy, group), 0), part, within))
    return joined(pieces, np.concatenate(groups))


def _on_table(problem: Problem, axes: Sequence[Axis], within: Sequence[Axis] | None) -> Sweep:
    """One table for all points, but for those at which rounding of hard data would show in it."""
    found, doubtful = on_one_table(problem, axes, within)
    places = np.flatnonzero(doubtful)
    return replaced(found, one_by_one(problem, _taken(axes, places)), places) if places.size else found


def _taken(axes: Sequence[Axis], places: IntArray) -> tuple[Axis, ...]:
    return tuple(replace(axis, values=axis.values[places]) for axis in axes)
