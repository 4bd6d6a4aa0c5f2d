"""How long the part `flatness` of an answer takes, from shapes alone."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from service.core.flatness.curvature import DENSE, MOST
from service.core.flatness.kernel import MOST as MOST_EIGENVALUES
from service.core.flatness.kernel import MOST_FEATURES

# measured on one core: fixed work, largest eigenvalues over scales, eigenvalues of the kernel, Lanczos by weight
FIXED_S: Final = 2e-3
PER_CUBIC_S: Final = 1.5e-9
PER_KERNEL_CUBIC_S: Final = 5e-10
PER_WEIGHT_S: Final = 3e-5


def flatness_s(widths: Sequence[int], *, noisy: bool) -> float:
    """Seconds on one core, to within a small factor.

    Parameters
    ----------
    widths : sequence of int
        From the inputs to the outputs.
    noisy : bool
        Whether hidden layers have noise, so that wide ones stay wide.
    """
    inputs, outputs = widths[0], widths[-1]
    seconds = FIXED_S
    if not noisy:
        # several outputs are looked at one by one, too
        seconds += PER_CUBIC_S * inputs**3 * (1 if outputs == 1 else 2)
        if inputs * outputs <= MOST_EIGENVALUES and inputs <= MOST_FEATURES:
            seconds += PER_KERNEL_CUBIC_S * outputs * inputs**3
    used = min(widths) + 1
    seen = [inputs, *(width if noisy else min(width, used) for width in widths[1:-1]), outputs]
    weights = sum(below * above for below, above in pairwise(seen))
    return seconds + (PER_WEIGHT_S * weights if DENSE < weights <= MOST else 0.0)
