"""Boundaries of one-output networks from the curve of candidate maps alone: nothing is sampled.

Noise and decays enter through one effective decay, ``log kappa = log G + (D-1)/(D+1) log C``, and every
transition stands at a fixed kappa of the curve.  So a boundary is found once on the curve and carried over
to the parameter in closed form.  Derivation: ``docs/theory/phase-boundaries.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log

import numpy as np

from service.core.asked.sweeps.axes import DECAYS, LARGEST_LOG, Axis, noise_rates, settings_of, varied, with_depth
from service.core.asked.sweeps.transitions import NOISY, Group
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.one_output.common_variance import common_variance
from service.core.one_output.curve import Curve
from service.core.one_output.jumps import Jump, jumps_of
from service.core.one_output.reduced import ReducedProblem, noise_changes_form, reduced_of
from service.vocabulary import SweepParameter


def groups_of(problem: Problem, other: Sequence[Axis], m: int) -> list[Group]:
    """Split the other axis by what changes the curve: the depth, and noise that is not a factor of the form."""
    if not other:
        return [Group(problem, (), np.arange(m))]
    axis = other[0]
    if axis.parameter is SweepParameter.DEPTH:
        places = [np.flatnonzero(axis.values == value) for value in np.unique(axis.values)]
        networks = [with_depth(problem.network, round(float(axis.values[place[0]]))) for place in places]
        return [
            Group(replace(problem, network=network), (), place) for network, place in zip(networks, places, strict=True)
        ]
    if axis.parameter in NOISY and noise_changes_form(problem.network, problem.data):
        return [Group(varied(problem, other, index), (), np.array([index])) for index in range(m)]
    return [Group(problem, tuple(other), np.arange(m))]


def along(group: Group, axis: Axis) -> tuple[list[tuple[FloatArray, ...]], FloatArray, str]:
    """Transitions and the end of metastability along an axis for m points, shape (m,), or the reason without them."""
    network, reduced = group.problem.network, reduced_of(group.problem)
    size = group.places.size
    none: list[tuple[FloatArray, ...]] = []
    reason = _reason(group.problem, reduced, axis)
    if reason:
        return none, np.full(size, np.nan), reason
    curve = Curve(reduced.values, reduced.squares, reduced.n_hidden)
    if reduced.n_hidden == 1:
        jumps, spinodal, order = [Jump(log(reduced.correlation), -np.inf)], None, 2.0
    else:
        (jumps, spinodal), order = jumps_of(curve), 1.0
    one = replace(axis, values=np.ones(size))
    axes = [one, *group.other]
    settings = settings_of(network, axes)
    outside = reduced.log_factor == reduced.log_noise_factor
    log_factor = settings.log_factor if outside else np.zeros(size)
    path = _Path(reduced, axis, settings.log_decays.mean(axis=1), log_factor, noise_rates(network, axes))
    rows = []
    for jump in jumps:
        critical, factor = path.reach(jump.log_kappa)
        with np.errstate(invalid="ignore"):
            norms = [np.exp(np.where(np.isnan(critical), np.nan, end - factor)) for end in (jump.before, jump.after)]
        rows.append((np.where(np.isnan(critical), np.nan, order), critical, *norms))
    metastable = np.full(size, np.nan) if spinodal is None else path.reach(spinodal)[0]
    return rows, metastable, ""


def _reason(problem: Problem, reduced: ReducedProblem, axis: Axis) -> str:
    """Why nothing changes along an axis whatever the other one."""
    if not reduced.values.size:
        return "the targets do not correlate with the inputs: the zero map is always the minimum"
    if reduced.n_hidden == 0:
        return "no hidden layer: ridge regression never collapses"
    if axis.parameter in NOISY and reduced.n_hidden == 1:
        return "one hidden layer: the collapse does not depend on the noise"
    if axis.parameter is SweepParameter.WIDTH and not np.any(problem.network.noise_variances):
        return "no hidden layer has noise: the minimum does not depend on the width"
    if axis.parameter in NOISY and noise_changes_form(problem.network, problem.data):
        return "a bias centres the mean but not the noise: each noise has a form of its own, sampled only"
    return ""


@dataclass(frozen=True, slots=True)
class _Path:
    """How the effective decay moves along an axis, from the value 1; arrays over the other axis."""

    reduced: ReducedProblem
    axis: Axis
    log_decay: FloatArray
    log_factor: FloatArray
    rates: FloatArray

    def reach(self, log_kappa: float) -> tuple[FloatArray, FloatArray]:
        """Value of the axis at which the effective decay is ``log_kappa`` (NaN if never), and log C there."""
        share = self.reduced.noise_share
        if self.axis.parameter in DECAYS:
            layers = 1.0 if self.axis.layer is None else self.reduced.n_hidden + 1.0
            wanted = layers * (log_kappa - self.log_decay - share * self.log_factor)
            return _exponential(wanted), self.log_factor
        wanted = (log_kappa - self.log_decay) / share
        wanted = np.where(np.isfinite(wanted) & (wanted > 0.0), wanted, np.nan)
        log_value = common_variance(wanted, self.rates)
        return _exponential(-log_value if self.axis.parameter is SweepParameter.WIDTH else log_value), wanted


def _exponential(logs: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore"):
        inside = np.abs(logs) < LARGEST_LOG
    return np.exp(np.where(inside, logs, np.nan))
