"""What rounding can have done to the gradient of a linear network at a point.

Gradient entries are polynomials in weights and moments.  A sum of products whose longest path has m roundings is off
by at most ``gamma_m = m u / (1 - m u)`` times the same sum of absolute values (Higham 2002, section 3.1), whatever the
order of the operations, so the recursion is run once more on absolute values.  See ``docs/theory/diagnosis.md``.
"""

from dataclasses import dataclass, replace

import numpy as np

from service.core.ground.numbers.arrays import BoolArray, FloatArray
from service.core.ground.numbers.spectrum import EPSILON
from service.core.ground.problems import Problem
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.points.moment_recursion import MomentRecursion

UNIT = EPSILON / 2.0
"""Unit roundoff of double precision."""

POWER_STEPS = 8
"""Of the bound on the Hessian, where it matters: rounding of double precision is far below other tolerances."""


@dataclass(frozen=True, slots=True)
class GradientBound:
    """The gradient and bounds on what rounding changes in it.

    Attributes
    ----------
    signed : MomentRecursion
        At the numbers themselves.
    absolute : MomentRecursion
        At least at the sums of absolute values behind the moments.
    roundings : int
        Most roundings on a path from data and weights to an entry of the gradient.

    Notes
    -----
    All sizes that methods take are not negative.  The absolute recursion is convex and increasing in them, so that its
    difference quotients bound derivatives from above.
    """

    signed: MomentRecursion
    absolute: MomentRecursion
    roundings: int

    @classmethod
    def of(cls, problem: Problem) -> "GradientBound":
        """Of given moments the entries count; of a factor of samples what bounds their sums, by Cauchy and Schwarz.

        Notes
        -----
        A layer costs two products of its matrix forwards, two backwards, and no more than ten roundings by noise,
        biases and decay.  Sums over n samples cost n more.
        """
        network, signed = problem.network, MomentRecursion.of(problem)
        widths = problem.data.inputs + sum(layer.width for layer in network.layers)
        roundings = 2 * widths + 10 * (network.n_layers + 1)
        absolute = signed.absolute()
        factor = problem.data.factor
        if factor is not None:
            # the mean of a column is off by the rounding of its deviations, which the number of roundings counts
            roundings += factor.n + 3
            x = np.sqrt(np.maximum(np.diagonal(signed.spread), 0.0))
            columns = factor.r[:, factor.inputs :] * factor.scale[factor.inputs :]
            squares = np.sum(columns * columns, axis=0) / factor.n
            y = np.sqrt(squares if network.bias_layers else squares + factor.y_mean**2)
            absolute = replace(absolute, spread=np.outer(x, x), target=np.outer(x, y))
        return cls(signed, absolute, roundings)

    @property
    def share(self) -> float:
        """``gamma_m``: what rounding can change, as a share of the absolute values."""
        return self.roundings * UNIT / (1.0 - self.roundings * UNIT)

    def values(self, parameters: DenseParameters) -> FloatArray:
        """The gradient, of layers with a bias at fixed means of their outputs, shape (P,)."""
        return self.signed.gradient(parameters)

    def loss(self, sizes: DenseParameters) -> float:
        """Sum of the absolute values of all terms of the loss."""
        return self.absolute.loss(sizes)

    def gradient(self, sizes: DenseParameters) -> FloatArray:
        """Sum of the absolute values of all terms of every entry of `values`, shape (P,)."""
        return self.absolute.gradient(sizes)

    def spread(self, sizes: DenseParameters, moves: DenseParameters, scale: float = 1.0) -> FloatArray:
        """Bound on what moving every weight by up to ``moves`` changes in each entry of `values`, shape (P,).

        Parameters
        ----------
        sizes, moves : DenseParameters
        scale : float
            A larger step of which the share is taken, so that the difference is not lost in rounding.
        """
        before = self.gradient(sizes)
        after = self.gradient(unflatten(flatten(sizes) + scale * flatten(moves), sizes))
        spread: FloatArray = (np.maximum(after - before, 0.0) + self.share * (after + before)) / scale
        return spread

    def hessian(self, sizes: DenseParameters, trained: BoolArray, steps: int = POWER_STEPS) -> float:
        """Upper bound on the norm of the Hessian of what is trained, all its terms taken positive.

        Parameters
        ----------
        sizes : DenseParameters
        trained : (P,) array
        steps : int
            At least 1; the first one gives the largest sum of a row.

        Notes
        -----
        By Collatz and Wielandt the largest eigenvalue of a symmetric matrix ``B >= 0`` is at most ``max (B v)_i / v_i``
        for every ``v > 0``; power steps bring v near the eigenvector.
        """
        whole = replace(self.absolute, at_fixed_means=False)
        largest = float(flatten(sizes).max(initial=0.0))
        step = 1e-6 * largest if largest > 0.0 else 1e-30
        vector = np.where(trained, 1.0, 0.0)
        best, before = np.inf, whole.gradient(sizes)
        for _ in range(steps):
            after = whole.gradient(unflatten(flatten(sizes) + step * vector, sizes))
            # rounding of the difference is added, so that this is above the product for certain
            rise = np.maximum(after - before, 0.0) + self.share * (after + before)
            moved = np.where(trained, rise / step, 0.0)
            size = float(moved.max(initial=0.0))
            if size == 0.0:
                return 0.0
            best = min(best, float(np.max(moved[trained] / vector[trained])))
            # a share of the old vector keeps every entry positive
            vector = np.where(trained, moved / size + 1e-3 * vector, 0.0)
        return best


def sizes_of(parameters: DenseParameters) -> DenseParameters:
    """Absolute values of all weights and biases."""
    return DenseParameters(
        tuple(np.abs(weight) for weight in parameters.weights),
        tuple(None if bias is None else np.abs(bias) for bias in parameters.biases),
    )
