"""Derivatives of what sees a linear network only through its end-to-end map, with respect to the weights.

With ``B = W_L .. W_1``, ``before_l = W_{l-1} .. W_1`` and ``after_l = W_L .. W_{l+1}`` the slope G of a function of B
becomes ``after_l' G before_l'`` for matrix l, at a cost that does not depend on the number of samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.cached import cached_property


@cache
def _identity(size: int) -> FloatArray:
    identity: FloatArray = np.eye(size)
    identity.flags.writeable = False
    return identity


@dataclass(frozen=True)
class LinearChain:
    """The weights of a linear network without skips and biases, and their partial products."""

    weights: Sequence[FloatArray]

    @cached_property
    def before(self) -> list[FloatArray]:
        """Products of the matrices before each one, (columns, inputs); the last entry is the end-to-end map."""
        products = [_identity(self.weights[0].shape[1]), self.weights[0]]
        for weight in self.weights[1:]:
            products.append(weight @ products[-1])
        return products

    @cached_property
    def after(self) -> list[FloatArray]:
        """Products of the matrices after each one, (outputs, width)."""
        products = [_identity(len(self.weights[-1]))]
        for weight in reversed(self.weights[1:]):
            products.append(weight if len(products) == 1 else products[-1] @ weight)
        return products[::-1]

    @property
    def end_to_end(self) -> FloatArray:
        """The map B, (outputs, inputs)."""
        return self.before[-1]

    def gradient(self, slope: FloatArray) -> FloatArray:
        """Gradient with respect to all weights in one vector, from the slope (outputs, inputs) with respect to B."""
        last = len(self.weights) - 1
        parts = []
        # the products before the first matrix and after the last one are identities, which need no multiplying
        for index in range(last + 1):
            left = slope if index == last else self.after[index].T @ slope
            parts.append((left if index == 0 else left @ self.before[index].T).ravel())
        return np.concatenate(parts)

    def hessian(self, slope: FloatArray, curvature: FloatArray) -> FloatArray:
        """Second derivatives with respect to all P weights.

        Parameters
        ----------
        slope : (k, d) array
            Slope G with respect to B.
        curvature : (k d, k d) array
            Second derivatives with respect to the entries of B, row by row.

        Returns
        -------
        (P, P) array

        Notes
        -----
        ``(dB/dW)' curvature (dB/dW)`` and, for l < m, what the product of two changes adds:
        ``<after_m' G before_l', dW_m W_{m-1} .. W_{l+1} dW_l>``.  O(k d P^2).
        """
        outputs, inputs = self.end_to_end.shape
        jacobian = np.concatenate(
            [
                np.einsum("ka,be->keab", after, before).reshape(outputs * inputs, -1)
                for after, before in zip(self.after, self.before[:-1], strict=True)
            ],
            axis=1,
        )
        found: FloatArray = jacobian.T @ curvature @ jacobian
        ends = np.cumsum([0, *(weight.size for weight in self.weights)])
        for first in range(len(self.weights)):
            between = np.eye(len(self.weights[first]))
            for last in range(first + 1, len(self.weights)):
                outer = self.after[last].T @ slope @ self.before[first].T
                block = np.einsum("bc,ae->abce", between, outer)
                block = block.reshape(self.weights[last].size, self.weights[first].size)
                found[ends[last] : ends[last + 1], ends[first] : ends[first + 1]] += block
                found[ends[first] : ends[first + 1], ends[last] : ends[last + 1]] += block.T
                between = self.weights[last] @ between
        return found
