"""What is minimised: a network of ReLU units in the form where only the product of a unit's two weights counts.

``P = sum_i l_i(f_i) + beta sum_j |w_j| + ridge |c|^2``, ``f = sum_j s_j phi(X w_j) + F c``: a unit's input weights are
``w / sqrt|w|`` and its output weight ``s sqrt|w|``, which no other pair of the same product costs less than.
"""

from dataclasses import dataclass

import numpy as np

from service.core.convex_losses.scalar import ScalarLoss
from service.core.ground.numbers.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class HiddenUnits:
    """A network in that form.

    Attributes
    ----------
    w : (m, d) array
    signs : (m,) array
        -1 or +1.
    free : (r,) array
        Coefficients of the columns that cost little or nothing.
    """

    w: FloatArray
    signs: FloatArray
    free: FloatArray

    def __len__(self) -> int:
        """Number of units."""
        return len(self.w)

    def chosen(self, kept: BoolArray | IntArray) -> "HiddenUnits":
        """Some of the units, by their places or by a mask (m,)."""
        return HiddenUnits(self.w[kept], self.signs[kept], self.free)

    def joined(self, w: FloatArray, signs: FloatArray) -> "HiddenUnits":
        """With more units (k, d) and their signs (k,)."""
        return HiddenUnits(np.concatenate([self.w, w]), np.concatenate([self.signs, signs]), self.free)

    @property
    def lengths(self) -> FloatArray:
        """Lengths of the units (m,)."""
        return np.asarray(np.sqrt(np.einsum("ij,ij->i", self.w, self.w)))


@dataclass(frozen=True, slots=True)
class Objective:
    """The objective, for networks of any width.

    Attributes
    ----------
    x : (n, d) array
        A bias that decays as the weights do is a column of ones.
    loss : ScalarLoss
    beta : float
        Positive.
    slope : float
        Of the activation below zero, less than 1: 0 for ReLU, -1 for the absolute value.
    free : (n, r) array
        Columns of what is not a unit: ones for an output bias, the inputs for a linear skip.
    ridge : float
        What the squares of their coefficients cost.
    excess : float
        Factor from the largest correlation with a unit of length one to the largest with one that costs beta, where
        part of a unit costs nothing; else 1.
    """

    x: FloatArray
    loss: ScalarLoss
    beta: float
    slope: float
    free: FloatArray
    ridge: float = 0.0
    excess: float = 1.0

    @property
    def nothing(self) -> HiddenUnits:
        """The network without units."""
        return HiddenUnits(np.zeros((0, self.x.shape[1])), np.zeros(0), np.zeros(self.free.shape[1]))

    def features(self, w: FloatArray) -> FloatArray:
        """phi(X w) (n, m) of units (m, d)."""
        products = self.x @ w.T
        return np.maximum(products, self.slope * products)

    def predictions(self, units: HiddenUnits) -> FloatArray:
        """f (n,)."""
        return self.features(units.w) @ units.signs + self.free @ units.free

    def decay(self, units: HiddenUnits) -> float:
        """What the weights cost."""
        return self.beta * float(units.lengths.sum()) + self.ridge * float(units.free @ units.free)

    def value(self, units: HiddenUnits) -> float:
        """P; of a loss with kinks, with these rounded as its slopes are, which adds a little."""
        with np.errstate(over="ignore"):
            return self.loss.rounded_value(self.predictions(units)) + self.decay(units)

    def errors(self, units: HiddenUnits) -> FloatArray:
        """v = -l'(f), the errors (n,)."""
        return -self.loss.slope(self.predictions(units))

    def is_admissible(self, errors: FloatArray) -> bool:
        """Whether errors (n,) are not correlated, beyond rounding, with what is free: only such prove a bound."""
        if not self.free.shape[1] or self.ridge > 0.0:
            return True
        size = np.abs(self.free).T @ np.abs(errors)
        allowed = 1e3 * len(errors) * float(np.finfo(float).eps) * size + 1e-300
        return bool((np.abs(self.free.T @ errors) <= allowed).all())

    def admissible(self, errors: FloatArray) -> FloatArray:
        """Errors (n,) near these that are not correlated with what is free.

        What is at an end of the domain of the dual stays there.
        """
        for _ in range(2):
            errors = errors - self.correction(errors)
        return errors

    def correction(self, errors: FloatArray) -> FloatArray:
        """What is taken off errors (n,), or (n, k) of k outputs, so that what is free is not correlated with them.

        What is at an end of the domain of the dual stays there.
        """
        if not self.free.shape[1] or self.ridge > 0.0:
            return np.zeros_like(errors)
        columns = list(self.free.T)
        if errors.ndim == 2:
            columns = [np.outer(column, output) for column in columns for output in np.eye(errors.shape[1])]
        moves = [self.loss.metric(errors, column) for column in columns]
        gram = np.array([[np.vdot(column, move) for move in moves] for column in columns])
        right = np.array([np.vdot(column, errors) for column in columns])
        shares = np.linalg.lstsq(gram, right, rcond=None)[0]
        return np.asarray(np.tensordot(shares, np.array(moves), axes=1))
