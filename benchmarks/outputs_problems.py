"""Problems with several outputs for the measurements, as moments."""

from typing import Final

import numpy as np

from service.core.ground.problems import Moments

DECAY: Final = 0.005


def white_moments(inputs: int, outputs: int) -> Moments:
    """Moments of whitened inputs; the singular values of the least-squares map fall from 1 to 0.01."""
    return moments_with_condition(1.0, inputs, outputs)


def moments_with_condition(condition: float, inputs: int, outputs: int) -> Moments:
    """The same with variances of the inputs that fall geometrically, in random directions; half of yy is noise."""
    rng = np.random.default_rng(0)
    frame = np.linalg.qr(rng.standard_normal((inputs, inputs)))[0]
    left = np.linalg.qr(rng.standard_normal((outputs, outputs)))[0]
    right = np.linalg.qr(rng.standard_normal((inputs, outputs)))[0]
    values = np.geomspace(1.0, 0.01, outputs)
    target = (left * values) @ right.T
    if condition == 1.0:
        return Moments(np.eye(inputs), target.T, 2.0 * float(np.sum(values**2)))
    scales = np.geomspace(1.0, condition**-0.5, inputs)
    second = (frame * scales**2) @ frame.T
    return Moments(0.5 * (second + second.T), (frame * scales) @ target.T, 2.0 * float(np.sum(values**2)))
