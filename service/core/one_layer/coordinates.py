"""Coordinates in which predictions and decay of a layer are nearly orthonormal: searches see no units or offsets."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import triangle
from service.core.one_layer.parts import LayerPart

DEPENDENT: Final = 1e-14
"""Relative singular value below which a direction changes neither predictions nor decay."""


@dataclass(frozen=True)
class Coordinates:
    """Coefficients ``turned c`` of the columns of a part.

    Attributes
    ----------
    columns : (m, k) array
        What c is multiplied with for predictions.
    rooted : (q, k) array
        The same for the square roots of the decay.
    turned : (q, k) array
    """

    columns: FloatArray
    rooted: FloatArray
    turned: FloatArray

    @classmethod
    def of(cls, part: LayerPart) -> "Coordinates":
        """Those of a part: columns in their own lengths, then directions in theirs."""
        lengths = np.sqrt(np.square(part.columns).sum(axis=0))
        lengths = np.where(lengths > 0.0, lengths, 1.0)
        scaled, roots = part.columns / lengths, np.sqrt(2.0 * part.decays) / lengths
        _, values, right = np.linalg.svd(triangle(np.vstack([scaled, np.diag(roots)])))
        kept = values > DEPENDENT * max(float(values.max(initial=0.0)), 1e-300)
        basis = right[kept].T / values[kept]
        return cls(scaled @ basis, (roots / np.sqrt(2.0))[:, None] * basis, basis / lengths[:, None])

    @property
    def costs(self) -> FloatArray:
        """What decay makes of c: the matrix (k, k) of a quadratic form."""
        costs: FloatArray = self.rooted.T @ self.rooted
        return costs
