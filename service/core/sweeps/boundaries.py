"""Phase boundaries by threshold code: for each value of one parameter the critical values of another.

Noise and decays enter through one effective decay, ``log kappa = log G + (D-1)/(D+1) log C``, and every
transition stands at a fixed kappa of the curve.  So a boundary is found once on the curve and carried over
to the parameter in closed form; nothing is sampled.  Derivation: ``docs/theory/phase-boundaries.md``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import log
from typing import Final

import numpy as np

from service.core.arrays import FloatArray, IntArray
from service.core.dispatch import choose, solve
from service.core.problems import Problem
from service.core.scalar.curve import Curve
from service.core.scalar.reduced import ReducedProblem, noise_changes_form, reduced_of
from service.core.scalar.thresholds import Jump, jumps_of
from service.core.sweeps.axes import Axis, noise_rates, settings_of, varied, with_depth
from service.vocabulary import SweepParameter

NOISY: Final = (SweepParameter.NOISE_VARIANCE, SweepParameter.WIDTH)
DECAYS: Final = (SweepParameter.DECAY_SCALE, SweepParameter.WEIGHT_DECAY)
LARGEST_LOG: Final = 700.0


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of the global minimiser along the traced parameter; NaN where it does not happen.

    Attributes
    ----------
    order : (m,) array of float
        1 for a jump of the minimiser, 2 for a continuous change.
    critical : (m,) array
        Value of the traced parameter.
    norm_before, norm_after : (m,) arrays
        Norm of the end-to-end map on the side of less decay and noise, and on the other.
    """

    order: FloatArray
    critical: FloatArray
    norm_before: FloatArray
    norm_after: FloatArray


@dataclass(frozen=True, slots=True)
class Boundary:
    """All transitions along one parameter, for each value of the other axis (or a single one).

    Attributes
    ----------
    traced : int
        Which axis the critical values belong to.
    transitions : tuple of Transition
        In the order in which they happen as decay or noise grows; the last is the collapse to zero.
    metastable : (m,) array
        Up to here a local minimum other than zero exists; NaN where there is no such region.
    reasons : mapping
        Why numbers are missing, by the name of what is missing.
    """

    traced: int
    transitions: tuple[Transition, ...]
    metastable: FloatArray
    reasons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Group:
    """Entries of the other axis that share one curve."""

    problem: Problem
    other: tuple[Axis, ...]
    places: IntArray


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
        return _nothing(traced, m, "a depth is whole: compare neighbouring columns of the diagram")
    if not _is_scalar(problem, other):
        return _from_solutions(problem, axis, other, traced, m)
    found: list[tuple[_Group, list[tuple[FloatArray, ...]], FloatArray]] = []
    reasons: dict[str, str] = {}
    for group in _groups(problem, other, m):
        rows, metastable, reason = _along(group, axis)
        if reason:
            reasons["transitions"] = reasons["metastable"] = reason
        found.append((group, rows, metastable))
    boundary = _assembled(found, traced, m)
    _explain(boundary, axis, reasons)
    return replace(boundary, reasons=reasons)


def _is_scalar(problem: Problem, other: Sequence[Axis]) -> bool:
    first = varied(problem, other, 0) if other else problem
    return choose(first)[0].name == "scalar_output"


def _nothing(traced: int, m: int, reason: str) -> Boundary:
    return Boundary(traced, (), np.full(m, np.nan), {"transitions": reason, "metastable": reason})


def _groups(problem: Problem, other: Sequence[Axis], m: int) -> list[_Group]:
    """Split the other axis by what changes the curve: the depth, and noise that is not a factor of the form."""
    if not other:
        return [_Group(problem, (), np.arange(m))]
    axis = other[0]
    if axis.parameter is SweepParameter.DEPTH:
        places = [np.flatnonzero(axis.values == value) for value in np.unique(axis.values)]
        networks = [with_depth(problem.network, round(float(axis.values[place[0]]))) for place in places]
        return [
            _Group(replace(problem, network=network, memo={}), (), place)
            for network, place in zip(networks, places, strict=True)
        ]
    if axis.parameter in NOISY and noise_changes_form(problem.network, problem.data):
        return [_Group(varied(problem, other, index), (), np.array([index])) for index in range(m)]
    return [_Group(problem, tuple(other), np.arange(m))]


def _along(group: _Group, axis: Axis) -> tuple[list[tuple[FloatArray, ...]], FloatArray, str]:
    """Transitions and the end of metastability along an axis, or why there are none."""
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


def common_variance(log_factors: FloatArray, rates: FloatArray) -> FloatArray:
    """The log x with ``sum_i log(1 + x rate_i) = log_factor``, row by row; NaN where log_factor is NaN.

    Parameters
    ----------
    log_factors : (m,) array
        Positive.
    rates : (m, n) array
        Not negative, at least one positive in each row.

    Notes
    -----
    In ``log x`` the left side is increasing and convex, so Newton's method from above falls to the root.
    """
    log_x = np.full(log_factors.size, np.nan)
    some = np.isfinite(log_factors)
    log_x[some] = _newton(log_factors[some], rates[some])
    return log_x


def _newton(log_factors: FloatArray, rates: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):
        log_rates = np.log(rates)
    least = np.min(np.where(rates > 0.0, log_rates, np.inf), axis=1)
    share = log_factors / np.count_nonzero(rates, axis=1)
    # the answer if every rate were the least; log(expm1(s)) without overflow
    log_x: FloatArray = share + np.log(-np.expm1(-share)) - least
    for _ in range(200):
        grown = log_x[:, None] + log_rates
        value = np.logaddexp(0.0, grown).sum(axis=1) - log_factors
        slope = np.exp(-np.logaddexp(0.0, -grown)).sum(axis=1)
        step = value / slope
        log_x = log_x - step
        if not np.any(np.abs(step) > 1e-15 * np.maximum(1.0, np.abs(log_x))):
            break
    return log_x


def _assembled(
    found: Sequence[tuple[_Group, list[tuple[FloatArray, ...]], FloatArray]], traced: int, m: int
) -> Boundary:
    """Groups may have different numbers of transitions; they are aligned at the collapse, which is the last."""
    most = max(len(rows) for _, rows, _ in found)
    columns = np.full((most, 4, m), np.nan)
    metastable = np.full(m, np.nan)
    for group, rows, end in found:
        metastable[group.places] = end
        for back, row in enumerate(reversed(rows), start=1):
            for column, numbers in enumerate(row):
                columns[most - back, column, group.places] = numbers
    return Boundary(traced, tuple(Transition(*transition) for transition in columns), metastable)


def _explain(boundary: Boundary, axis: Axis, reasons: dict[str, str]) -> None:
    """Say why numbers of a traced boundary are missing."""
    some = any(np.isnan(transition.critical).any() for transition in boundary.transitions)
    if some and axis.parameter in NOISY:
        reasons.setdefault(
            "transitions", "null where the minimum is already beyond the transition without any noise, or never there"
        )
    elif some:
        reasons.setdefault("transitions", "null where no decay in the range of double precision is critical")
    if np.isnan(boundary.metastable).any():
        missing = "null where the transition is continuous, or where the region ends before the parameter begins"
        reasons.setdefault("metastable", missing)


def _from_solutions(problem: Problem, axis: Axis, other: Sequence[Axis], traced: int, m: int) -> Boundary:
    """Thresholds of separate solutions, for what has no curve; only factors of all decays have them."""
    if axis.parameter is not SweepParameter.DECAY_SCALE:
        return _nothing(traced, m, "traced along decay_scale only for several outputs")
    found = []
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
        group = _Group(single, (), np.array([index]))
        found.append((group, rows, np.array([np.nan if end is None else end])))
    boundary = _assembled(found, traced, m)
    _explain(boundary, axis, reasons)
    return replace(boundary, reasons=reasons)
