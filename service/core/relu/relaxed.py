"""Lower bounds where the largest correlation cannot be computed: errors chosen so that a relaxed bound of it is near.

At the errors of the minimum positive and negative parts cancel, which a relaxation does not see.  Errors of a larger
decay lose little of the bound and much of that; column generation with relaxed units finds the best errors of all.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.optimize import Bounds, minimize

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.stopping import should_stop
from service.core.relu.dual import DualBound, dual_bound
from service.core.relu.networks import HiddenUnits, Objective
from service.core.relu.rows import Span
from service.core.relu.spectral import spectral_bound
from service.core.relu.training.trainer import Trainer

FACTORS: Final = (1.0, 2.0, 4.0, 8.0)
"""Decays, over the one that is asked for, whose errors are tried."""
ROUNDS: Final = 90
_TOLERANCE: Final = 1e-4
"""Of the networks at larger decays: any errors prove a bound."""
_ITERATIONS: Final = 300


def relaxed_bounds(objective: Objective, units: HiddenUnits, rounds: int = ROUNDS) -> Iterator[DualBound]:
    """Bounds, each better than the last, from a trained network; an end that is early loses nothing.

    ``O(n r^2)`` some hundred times a bound, for n samples of rank r.
    """
    columns = _Columns(objective, units)
    best = -np.inf
    for errors in _candidates(objective, units):
        found = columns.bound(errors)
        if found.bound > best:
            best = found.bound
            yield found
        if should_stop():
            return
    if objective.loss.has_kinks:
        return
    for _ in range(rounds):
        found = columns.bound(columns.errors())
        if found.bound > best:
            best = found.bound
            yield found
        if should_stop() or columns.is_finished:
            return


def _candidates(objective: Objective, units: HiddenUnits) -> Iterator[FloatArray]:
    """Errors (n,) at larger and larger decays."""
    yield objective.admissible(objective.errors(units))
    for factor in FACTORS[1:]:
        trainer = Trainer(replace(objective, beta=factor * objective.beta), _TOLERANCE, units=units)
        trainer.train()
        units = trainer.network
        yield trainer.errors()
        if not len(units):
            return


@dataclass(slots=True)
class _Column:
    """Predictions (n,) of a unit of length one, or of a relaxed one, with its sign, and its amplitude."""

    predictions: FloatArray
    amplitude: float


class _Columns:
    """A restricted convex problem: ``l(sum_k a_k z_k + F c) + beta sum_k a_k + ridge |c|^2`` over ``a >= 0``."""

    def __init__(self, objective: Objective, units: HiddenUnits) -> None:
        self.objective = objective
        self._span = Span.of(objective.x)
        lengths = units.lengths
        features = objective.features(units.w) * units.signs
        self._columns = [
            _Column(features[:, unit] / length, float(length)) for unit, length in enumerate(lengths) if length > 0.0
        ]
        self._free = units.free
        self.is_finished = False

    def bound(self, errors: FloatArray) -> DualBound:
        """What errors (n,) prove; the relaxed units that limit it become columns."""
        problem = self.objective
        rows = self._span.with_errors(errors, problem.slope)
        largest, new = 0.0, 0
        for sign, one in ((1.0, rows), (-1.0, rows.reversed)):
            found = spectral_bound(one)
            largest = max(largest, found.bound)
            heights = (1.0 - problem.slope) * found.heights + problem.slope * (one.x @ found.mean)
            predictions = sign * self._span.lengths * np.append(heights, 0.0)[self._span.groups]
            if float(errors @ predictions) > problem.beta * (1.0 + _TOLERANCE):
                self._columns.append(_Column(predictions, 0.0))
                new += 1
        self.is_finished = new == 0
        return dual_bound(problem, errors, largest)

    def errors(self) -> FloatArray:
        """Errors (n,) of the minimum of the restricted problem; columns that it does without are dropped."""
        problem = self.objective
        matrix = np.column_stack([*(column.predictions for column in self._columns), problem.free])
        count = len(self._columns)
        # columns of one size: the minimiser has no scale of its own
        sizes = np.sqrt(np.square(matrix).sum(axis=0))
        sizes = np.where(sizes > 0.0, sizes, 1.0)
        scaled = matrix / sizes
        costs = np.where(np.arange(len(sizes)) < count, problem.beta, 0.0) / sizes
        ridges = np.where(np.arange(len(sizes)) < count, 0.0, problem.ridge) / np.square(sizes)

        def function(q: FloatArray) -> tuple[float, FloatArray]:
            f = scaled @ q
            with np.errstate(over="ignore"):
                value = problem.loss.rounded_value(f) + costs @ q + ridges @ np.square(q)
                return float(value), scaled.T @ problem.loss.slope(f) + costs + 2.0 * ridges * q

        start = np.concatenate([[column.amplitude for column in self._columns], self._free]) * sizes
        within = Bounds(np.where(np.arange(len(sizes)) < count, 0.0, -np.inf), np.inf)
        found = minimize(
            function,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=within,
            options={"maxiter": _ITERATIONS, "ftol": 1e-14, "gtol": 1e-10, "maxcor": 30},
        ).x
        predictions = scaled @ found
        amplitudes = (found / sizes)[:count]
        self._free = (found / sizes)[count:]
        self._columns = [
            _Column(column.predictions, float(amplitude))
            for column, amplitude in zip(self._columns, amplitudes, strict=True)
            if amplitude > 0.0
        ]
        return problem.admissible(-problem.loss.slope(predictions))
