"""How long the part `flatness` of an answer takes, from shapes alone."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from service.core.flatness.at_minimum import MOST_DIRECTIONS, MOST_INPUTS
from service.core.flatness.sharpness import DENSE, LARGEST

# measured on one core: fixed work, eigenvalues over norms for one output and for several, all of a Hessian, Lanczos
FIXED_S: Final = 2e-3
PER_CUBIC_S: Final = 5e-10
PER_CUBIC_OF_SEVERAL_S: Final = 4e-9
PER_DENSE_CUBIC_S: Final = 5e-10
PER_WEIGHT_S: Final = 1e-5


def flatness_s(widths: Sequence[int], *, rotates: bool) -> float:
    """Seconds on one core, to within a small factor.

    Parameters
    ----------
    widths : sequence of int
        From the inputs to the outputs.
    rotates : bool
        Whether hidden layers have neither noise nor biases and all are trained, so that idle units are left out.
    """
    inputs, outputs = widths[0], widths[-1]
    seconds = FIXED_S
    if inputs * outputs <= MOST_DIRECTIONS and inputs <= MOST_INPUTS:
        seconds += (PER_CUBIC_S if outputs == 1 else PER_CUBIC_OF_SEVERAL_S) * inputs**3
    # what two neighbouring layers of that rank use, and one unit more
    used = 2 * min(widths) + 1
    seen = [inputs, *(min(width, used) if rotates else width for width in widths[1:-1]), outputs]
    weights = sum(below * above for below, above in pairwise(seen))
    if weights <= DENSE:
        return seconds + PER_DENSE_CUBIC_S * weights**3
    return seconds + (PER_WEIGHT_S * weights if weights <= LARGEST else 0.0)
