"""Whether a linear map classifies every sample with a positive margin."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog, minimize
from scipy.special import expit, logsumexp, softmax

from service.core.data_facts.facts import data_facts_of
from service.core.data_facts.labels import difference_rows
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem, Samples

MARGIN_TOLERANCE = 1e-9
"""Margin, for scaled rows and coefficients in [-1, 1], below which data count as not separated."""


NEWTON_STEPS = 40
MOST_NUMBERS = 2_000_000
"""Size of the system of inequalities above which a separating map is only searched for."""

MOST_DESCENDED = 5_000_000
DESCENT_STEPS = 100
"""Size of a table, times outputs, and steps up to which that is tried."""


@dataclass(frozen=True, slots=True)
class Separation:
    """A margin of some map with coefficients in [-1, 1] on rows of length at most 1; 0 if there is none."""

    margin: float
    coefficients: FloatArray

    @property
    def separable(self) -> bool:
        """Whether the margin is positive beyond the tolerance."""
        return self.margin > MARGIN_TOLERANCE


def separation_of(problem: Problem, *, offset: bool) -> Separation | None:
    """Separation of coded labels (-1/+1 in one column, one-hot in several), with or without an offset.

    ``None`` without samples, or where the system is too large.  Conflicting samples are never separable.
    """
    samples = problem.samples
    if samples is None:
        return None
    conflicting = bool(data_facts_of(problem).conflicting)
    return problem.once(f"data_facts.separation.{offset}", lambda: _separation(samples, conflicting, offset=offset))


def common_side(problem: Problem) -> Separation | None:
    """A direction (d,) with which all inputs have a positive product, as coefficients, if there is one.

    ``None`` without samples, or where they are too many.
    """
    samples = problem.samples
    if samples is None or samples.x.size * samples.x.shape[1] > MOST_NUMBERS:
        return None
    lengths = np.linalg.norm(samples.x, axis=1, keepdims=True)
    rows = samples.x / np.where(lengths > 0.0, lengths, 1.0)
    return problem.once("data_facts.common_side", lambda: _separate(rows))


def affinely_separable(x: FloatArray, signs: FloatArray) -> bool:
    """Whether some plane divides inputs (n, d) by signs (n, 1) strictly; where rounding leaves it open, it does."""
    found = _separate(_rows(x, signs, offset=True))
    return found.margin > 0.0


def _separation(samples: Samples, conflicting: bool, *, offset: bool) -> Separation | None:
    x, y = samples.x, samples.y
    outputs, inputs = y.shape[1], x.shape[1] + int(offset)
    if conflicting:
        return Separation(0.0, np.zeros(outputs * inputs))
    if len(x) * max(1, outputs - 1) * outputs * inputs > MOST_NUMBERS:
        return _by_descent(x, y, offset=offset)
    return _separate(_rows(x, y, offset=offset))


def _by_descent(x: FloatArray, y: FloatArray, *, offset: bool) -> Separation | None:
    """A separating map of a large table, if a short descent of the logistic loss meets one; ``None`` proves nothing."""
    inputs = np.hstack([x, np.ones((len(x), 1))]) if offset else x
    if inputs.size * y.shape[1] > MOST_DESCENDED:
        return None
    lengths = np.sqrt(2.0 if y.shape[1] > 1 else 1.0) * np.linalg.norm(inputs, axis=1)
    lengths = np.where(lengths > 0.0, lengths, 1.0)
    rows, right = np.arange(len(x)), np.argmax(y, axis=1)

    def objective(flat: FloatArray) -> tuple[float, FloatArray]:
        outputs = inputs @ flat.reshape(inputs.shape[1], -1)
        if y.shape[1] == 1:
            margins = (y * outputs)[:, 0]
            value, slope = float(np.logaddexp(0.0, -y * outputs).mean()), -y * expit(-y * outputs)
        else:
            others = outputs.copy()
            others[rows, right] = -np.inf
            margins = outputs[rows, right] - others.max(axis=1)
            value = float((logsumexp(outputs, axis=1) - outputs[rows, right]).mean())
            slope = softmax(outputs, axis=1)
            slope[rows, right] -= 1.0
        if margins.min() > 0.0:
            largest = float(np.abs(flat).max())
            raise _SeparatedError(Separation(float((margins / lengths).min()) / largest, flat / largest))
        return value, (inputs.T @ slope).ravel() / len(x)

    try:
        minimize(
            objective,
            np.zeros(inputs.shape[1] * y.shape[1]),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": DESCENT_STEPS, "maxfun": DESCENT_STEPS},
        )
    except _SeparatedError as ended:
        return ended.found if ended.found.separable else None
    return None


class _SeparatedError(Exception):
    """Ends a descent at the first map that separates."""

    def __init__(self, found: Separation) -> None:
        super().__init__("separated")
        self.found = found


def _rows(x: FloatArray, y: FloatArray, *, offset: bool) -> FloatArray:
    """Vectors z with which a map w must have a positive product, each scaled to length one."""
    inputs = np.hstack([x, np.ones((len(x), 1))]) if offset else x
    rows = y * inputs if y.shape[1] == 1 else difference_rows(inputs, np.argmax(y, axis=1), y.shape[1])
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: FloatArray = rows / np.where(lengths > 0.0, lengths, 1.0)
    return scaled


def _separate(rows: FloatArray) -> Separation:
    """A map with a margin, coefficients in [-1, 1]; the margin is zero only if no margin exceeds the tolerance.

    The squared hinge is minimised by Newton's method.  Either it vanishes, which is a margin, or its multipliers
    ``a = max(0, 1 - rows w) >= 0`` with ``rows' a = 0`` show that there is none (Gordan).  A linear programme
    decides what is left.
    """
    coefficients = np.zeros(rows.shape[1])
    for _ in range(NEWTON_STEPS):
        slack = np.maximum(1.0 - rows @ coefficients, 0.0)
        wrong = slack > 0.0
        pull = rows[wrong].T @ slack[wrong]
        if float(np.abs(pull).sum()) <= 0.1 * MARGIN_TOLERANCE * float(slack.sum()):
            return Separation(0.0, np.zeros_like(coefficients))
        hessian = rows[wrong].T @ rows[wrong]
        hessian[np.diag_indices_from(hessian)] += 1e-12 * max(1.0, float(hessian.diagonal().max()))
        coefficients = coefficients + np.linalg.solve(hessian, pull)
        least = float((rows @ coefficients).min())
        if least > 0.0:
            margin = least / float(np.abs(coefficients).max())
            if margin > MARGIN_TOLERANCE:
                return Separation(margin, coefficients / float(np.abs(coefficients).max()))
    return _programme(rows)


def _programme(rows: FloatArray) -> Separation:
    """``max_{|w|_inf <= 1} min_i rows_i . w``."""
    size = rows.shape[1]
    found = linprog(
        np.append(np.zeros(size), -1.0),
        A_ub=np.hstack([-rows, np.ones((len(rows), 1))]),
        b_ub=np.zeros(len(rows)),
        bounds=[(-1.0, 1.0)] * size + [(0.0, None)],
        method="highs",
    )
    if found.x is None:
        return Separation(0.0, np.zeros(size))
    return Separation(max(0.0, float(found.x[-1])), np.asarray(found.x[:-1], dtype=np.float64))
