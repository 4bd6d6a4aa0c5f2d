"""How the data of a problem are conditioned, in numbers that do not depend on the units of the inputs."""

from dataclasses import dataclass
from math import frexp

import numpy as np
from scipy.linalg import lapack

from service.core.ground.data.conditioned import Moments
from service.core.ground.problems import Problem
from service.core.ground.results import Certificate

FEW_DIGITS = 6.0
"""Digits lost to offsets beyond which centred data would help."""
ALIKE = 10.0
"""Ratio of mean squares of the inputs up to which their condition as sent is that of scaled ones, to a small factor."""
LOST_BELOW = 1e-290
"""Mean square of targets below which losses have few digits or none."""
HARD = 1e6
"""Scaled condition beyond which collinear inputs are named as the reason of a gap."""


@dataclass(frozen=True, slots=True)
class Conditioning:
    """What decides how many digits an answer can have.

    Attributes
    ----------
    scaled_condition : float
        Condition number of the inputs with columns scaled to one size, over the directions that count as present: the
        square root of that of their second moments.  An estimate, right to a small factor.
    rank : int
        Directions that count as present, means taken off where a bias does.
    lost_digits : float
        Decimal digits that means take from what varies around them.
    projected : float
        Largest change, relative to the sizes of the inputs, that made moments those of some data.
    below : bool
        Whether squares of the targets are below the normal numbers, so that losses have few digits or none.
    """

    scaled_condition: float
    rank: int
    lost_digits: float
    projected: float
    below: bool = False


def conditioning_of(problem: Problem) -> Conditioning:
    """Conditioning of the data as they enter the network.  O(d^3)."""
    data = problem.data
    centre = bool(problem.network.bias_layers) and data.x_mean is not None and data.y_mean is not None
    seen = data.central if centre else data
    spectrum = seen.spectrum
    projected = seen.root.projected if seen.rooted and seen.factor is None else 0.0
    below = data.yy < LOST_BELOW and size_of_targets(data) is not None
    return Conditioning(scaled_condition(seen), spectrum.rank, data.lost_digits, projected, below)


def scaled_condition(seen: Moments) -> float:
    """Condition number of the inputs with columns scaled to one size, over the directions that count as present."""
    spectrum = seen.spectrum
    if not spectrum.rank:
        return 1.0
    if spectrum.plain and spectrum.rank == seen.inputs:
        if seen.largest_square <= ALIKE * seen.least_square:
            return float(np.sqrt(spectrum.condition_number))
        roots = np.sqrt(seen.xx.diagonal())
        scaled = seen.xx / roots / roots[:, None]
        factor, info = lapack.dpotrf(scaled, lower=1, clean=0)
        if info == 0:
            reciprocal, info = lapack.dpocon(factor, float(np.abs(scaled).sum(axis=0).max()), uplo="L")
            if info == 0 and reciprocal > 0.0:
                return float(np.sqrt(1.0 / reciprocal))
    root = seen.root
    values = np.linalg.svd(root.root / root.scale, compute_uv=False)[: spectrum.rank]
    return float(values[0] / values[-1]) if values[-1] > 0.0 else 1e300


def advice_of(found: Conditioning, certificate: Certificate, *, moments: bool) -> str:
    """What would close an open gap, as far as the data are the reason; empty where it is closed."""
    if certificate.relative_gap <= certificate.tolerance and certificate.norm_limit is None:
        return ""
    parts = []
    if found.below:
        parts.append("measure targets in larger units: their squares, and so all losses, are below double precision")
    if moments and found.lost_digits > FEW_DIGITS:
        parts.append(
            "send samples, or the factor of the centred data: moments about zero keep too few digits of the deviations"
        )
    if found.scaled_condition > HARD:
        parts.append("some inputs are nearly collinear: leave out columns, or add weight decay")
        if moments:
            parts.append("send samples: they keep twice as many digits as moments")
    if certificate.norm_limit is not None and not parts:
        parts.append("inputs are collinear and nothing is decayed: leave out columns, or add weight decay")
    return "; ".join(parts)


def size_of_targets(data: Moments) -> int | None:
    """Exponent of two of the largest target, as a root mean square; None if all are zero."""
    if 1e-200 < data.yy < 1e200:
        # a glance, since every problem is asked
        return frexp(data.yy)[1] // 2
    factor = data.factor
    if factor is None:
        return None if data.yy <= 0.0 else frexp(data.yy)[1] // 2
    sizes = np.maximum(np.abs(factor.y_mean), factor.deviations[factor.inputs :])
    largest = float(sizes.max())
    return None if largest == 0.0 else frexp(largest)[1]
