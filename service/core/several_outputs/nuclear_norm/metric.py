"""Least squares with a nuclear norm as a smooth convex function of one small matrix, whatever the inputs' units.

``2 ||V||_* = min over P > 0 of tr(V' P^-1 V) + tr P``, and for a fixed P (k, k) the best V is known in closed form,
one direction of the inputs at a time.  What is left,

    ``G(P) = mu tr P + sum_j t_j' (I + (s_j^2 / mu) P)^-1 t_j``,

is convex, has no term that cancels, and sees the scales ``s_j`` of the inputs only inside ``1 / (1 + p s_j^2 / mu)``:
inputs whose condition makes first-order methods stall are no harder than white ones.  It is minimised over the
symmetric square root of P by Newton's method, which keeps P semidefinite and has no flat directions.  See
``docs/theory/nuclear-norm.md``.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import lapack

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.stopping import should_stop
from service.core.several_outputs.squared_error.quadratic import Quadratic

REWEIGHTED = 10
"""Alternations of V and P before Newton's method: each is one thin decomposition, and none depends on units."""
STEPS = 120
SETTLED = 1e-15
STATIONARY = 1e-12
"""Curvature of a lane that is off, relative to mu, that counts as not negative."""
MOST_DAMPING = 1e12
LEAST_DAMPING = 1e-15
BISECTIONS = 60
DECADES = 60.0


class MetricPoint(NamedTuple):
    """A metric ``P = frame diag(roots^2) frame'`` and what the objective is made of there, in that frame.

    ``remaining`` (k, rho) is what the best map leaves of the target, ``pull`` the same times ``s^2 / mu``, ``shares``
    the factors ``1 / (1 + p_i s_j^2 / mu)``; ``slope`` (k, k) is the derivative in P.
    """

    frame: FloatArray
    roots: FloatArray
    remaining: FloatArray
    pull: FloatArray
    shares: FloatArray
    slope: FloatArray
    value: float

    @property
    def unsettled(self) -> float:
        """Size of ``P^(1/2) slope P^(1/2)``, zero where all lanes that are on are at their best."""
        return float(np.linalg.norm(self.slope * np.outer(self.roots, self.roots)))


class MetricProblem:
    """The function G of a nuclear-norm problem, in units that are powers of two near those of the data.

    Parameters
    ----------
    quadratic : Quadratic
        With inputs that vary and a target that is not zero.
    mu : float
        Positive.
    """

    def __init__(self, quadratic: Quadratic, mu: float) -> None:
        left, values, _ = quadratic.svd
        self.outer = left[:, values > 1e-15 * values[0]]
        self.target_unit = _near(float(np.sqrt(quadratic.total)))
        self.input_unit = _near(float(quadratic.scales[0]))
        self.target = self.outer.T @ (quadratic.target / self.target_unit)
        self.scales = quadratic.scales / self.input_unit
        self.mu = max(mu / self.target_unit / self.input_unit, np.finfo(float).tiny)
        self.bends = self.scales**2 / self.mu
        self.order = self.target.shape[0]
        self.first, self.second = np.triu_indices(self.order)
        self.lengths = np.where(self.first == self.second, 0.5, np.sqrt(0.5))
        places = np.zeros((self.order, self.order), dtype=np.int64)
        places[self.first, self.second] = places[self.second, self.first] = np.arange(self.first.size)
        # where the pairs (i, a) and (i, b) meet in a matrix of all pairs of pairs, and what they are counted with
        self.meetings = (places[:, :, None] * self.first.size + places[:, None, :]).ravel()
        shares = np.where(np.eye(self.order, dtype=bool), 1.0, np.sqrt(0.5))
        self.counted = shares[:, :, None] * shares[:, None, :]

    def at(self, frame: FloatArray, roots: FloatArray) -> MetricPoint:
        """Objective and slope at a metric: frame (k, k) and roots (k,).  O(k^2 rho)."""
        seen = frame.T @ self.target
        shares = 1.0 / (1.0 + (roots * roots)[:, None] * self.bends)
        remaining = shares * seen
        pull = remaining * self.bends
        slope = self.mu * np.eye(self.order) - pull @ remaining.T
        value = self.mu * float(roots @ roots) + float(np.sum(remaining * seen))
        return MetricPoint(frame, np.abs(roots), remaining, pull, shares, 0.5 * (slope + slope.T), value)

    def hessian(self, at: MetricPoint) -> FloatArray:
        """Second derivatives (b, b) in the root of P, in an orthonormal basis of the symmetric matrices.

        Notes
        -----
        A move D of the root moves P by ``(b_i + b_j) D_ij`` to first order and by ``D^2`` to second; the sum over
        inputs is one matrix a row of D.  O(k^3 rho + k^4).
        """
        weighed = (at.shares[:, None, :] * at.pull).reshape(-1, at.pull.shape[1])
        inner = (weighed @ at.pull.T).reshape(self.order, self.order, self.order)
        both = at.roots[:, None] + at.roots[None, :]
        blocks = 2.0 * (both[:, :, None] * both[:, None, :] * inner + at.slope[None]) * self.counted
        size = self.first.size
        result: FloatArray = np.bincount(self.meetings, weights=blocks.ravel(), minlength=size**2).astype(
            np.float64, copy=False
        )
        return result.reshape(size, size)

    def gradient(self, at: MetricPoint) -> FloatArray:
        """First derivatives (b,) in the same basis."""
        both = at.roots[:, None] + at.roots[None, :]
        result: FloatArray = 2.0 * (at.slope * both)[self.first, self.second] * self.lengths
        return result

    def moved(self, at: MetricPoint, step: FloatArray) -> MetricPoint:
        """The metric whose root differs by a step (b,) in that basis."""
        root = np.zeros((self.order, self.order))
        root[self.first, self.second] = step * self.lengths
        roots, turn = np.linalg.eigh(np.diag(at.roots) + root + root.T)
        return self.at(at.frame @ turn, roots)

    def map_of(self, at: MetricPoint) -> FloatArray:
        """The best map V (k, rho) of a metric, in its frame."""
        result: FloatArray = (at.roots * at.roots)[:, None] * (at.remaining * (self.scales / self.mu))
        return result

    def gap(self, at: MetricPoint, residual: float) -> float:
        """Gap between the value at the map of a metric and the bound of its scaled residual.

        Notes
        -----
        What remains of the target is not a difference here, so that its pull has all digits on any inputs.
        """
        unit = self.target_unit**2
        seen = at.frame.T @ self.target
        error = residual / unit + float(np.sum(at.remaining**2))
        overlap = residual / unit + float(np.sum(at.remaining * seen))
        steepest = float(np.linalg.norm(at.remaining * self.scales, 2))
        norm = float(np.sum(np.linalg.svd(self.map_of(at), compute_uv=False)))
        return unit * gap_of(error, overlap, steepest, self.mu, norm)

    def start(self) -> MetricPoint:
        """The best multiple of the identity, then alternations: the best V of a P, and ``P = (V V')^(1/2)``."""
        energy = np.sum(self.target**2, axis=0)
        low, high = -DECADES, DECADES
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            falling = np.sum(energy * self.bends / (1.0 + self.bends * 10.0**middle) ** 2) > self.mu
            low, high = (middle, high) if falling else (low, middle)
        point = self.at(np.eye(self.order), np.full(self.order, 10.0 ** (0.5 * high)))
        for _ in range(REWEIGHTED):
            # not through the Gram matrix: small lanes need their digits
            left, values, _ = np.linalg.svd(self.map_of(point), full_matrices=False)
            point = self.at(point.frame @ left, np.sqrt(values))
        return point


def gap_of(error: float, overlap: float, steepest: float, mu: float, norm: float) -> float:
    """Value of a map minus the bound ``2 a overlap - a^2 error`` at the best share a of its residual R.

    Parameters
    ----------
    error, overlap : float
        Squared error, and the inner product of R with the target.
    steepest : float
        Spectral norm of ``R diag(s)``; the share keeps it below ``mu``.
    mu, norm : float
        Factor and nuclear norm of the map.
    """
    if error == 0.0:
        return 2.0 * mu * norm
    share = min(overlap / error, mu / steepest if steepest > 0.0 else np.inf)
    return error + 2.0 * mu * norm - (2.0 * share * overlap - share**2 * error)


def _near(size: float) -> float:
    return float(2.0 ** np.round(np.log2(size)))


def least(problem: MetricProblem, start: MetricPoint | None = None) -> MetricPoint:
    """The minimiser of G, from a start of its own where none is given.

    Notes
    -----
    Damped Newton steps in a basis scaled by the diagonal of the Hessian; each costs one Hessian and a Cholesky
    decomposition of order k (k + 1) / 2.  A lane that a step turned off has no gradient left: where its slope is
    negative it is turned on again.  At most `STEPS` Hessians and k such turns.
    """
    point, damping, reopened = start or problem.start(), 1e-4, 0
    for _ in range(STEPS):
        if should_stop():
            break
        following = None
        if point.unsettled > SETTLED * point.value:
            following, damping = _newton(problem, point, damping)
        if following is None:
            if reopened > problem.order:
                break
            following, damping, reopened = _reopened(problem, point), 1e-4, reopened + 1
        if following is None:
            break
        point = following
    return point


def _newton(problem: MetricProblem, point: MetricPoint, damping: float) -> tuple[MetricPoint | None, float]:
    """The next point and damping; ``None`` where only rounding is left to gain."""
    hessian, gradient = problem.hessian(point), problem.gradient(point)
    diagonal = np.abs(hessian.diagonal())
    units = 1.0 / np.sqrt(np.maximum(diagonal, 1e-30 * float(np.max(diagonal))))
    scaled, slope = hessian * np.outer(units, units), gradient * units
    rounding = 1e-15 * point.value
    while damping < MOST_DAMPING:
        factor, info = lapack.dpotrf(scaled + damping * np.eye(slope.size), lower=1, overwrite_a=1)
        if info == 0:
            step = -lapack.dpotrs(factor, slope, lower=1)[0]
            tried = problem.moved(point, step * units)
            gained = point.value - tried.value
            # where values differ by rounding only, the slope decides
            if gained > rounding or (gained >= -10.0 * rounding and tried.unsettled < 0.9 * point.unsettled):
                expected = -float(slope @ step) - 0.5 * float(step @ scaled @ step)
                if gained > 0.5 * expected or abs(gained) <= 10.0 * rounding:
                    damping *= 0.1
                elif gained < 0.1 * expected:
                    damping *= 3.0
                return tried, max(damping, LEAST_DAMPING)
        damping *= 4.0
    return None, damping


def _reopened(problem: MetricProblem, point: MetricPoint) -> MetricPoint | None:
    """A better point with one more lane on; ``None`` where no direction pulls by more than mu."""
    slopes, directions = np.linalg.eigh(point.slope)
    if slopes[0] >= -STATIONARY * problem.mu:
        return None
    lane = directions[:, 0]
    bend = 2.0 * float(np.sum((lane @ point.pull) ** 2 * (lane**2 @ point.shares)))
    root = np.sqrt(-float(slopes[0]) / bend)
    for _ in range(BISECTIONS):
        roots, turn = np.linalg.eigh(np.diag(point.roots) + root * np.outer(lane, lane))
        tried = problem.at(point.frame @ turn, roots)
        if tried.value <= point.value * (1.0 + 1e-15):
            return tried
        root *= 0.35
    return None
