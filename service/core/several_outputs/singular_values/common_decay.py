"""What unequal decays amount to in a balanced network: one decay, their geometric mean."""

import numpy as np

from service.core.ground.numbers.arrays import FloatArray


def common_decay(decays: FloatArray) -> float:
    """Geometric mean of the decays (L,) of all layers; zero if one of them is.

    Notes
    -----
    A product of powers instead of a power of the product, which leaves double precision where the mean does not.
    """
    return float(np.prod(decays ** (1.0 / decays.size)))
