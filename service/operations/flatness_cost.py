"""What the flatness of a minimum and its learning coefficient cost beside the minimum, measured on one core."""

from typing import Final

from service.core.flatness.sharpness import DENSE
from service.schemas.request import MinimaRequest

LEAST_S: Final = 3e-3
EVALUATION_S: Final = 3e-5
"""Of one eigenvalue problem of the search, whatever its size."""
PER_CUBE_S: Final = 1e-9
EVALUATIONS: Final = 120
SEARCHED: Final = 1e9
"""Operations up to which the search goes on; see `service.core.flatness.flattest`."""
SECULAR_S: Final = 2e-2
SMALL: Final = 48
"""Directions up to which the chain of one output is bounded in `LEAST_S` as well."""


def flatness_s(request: MinimaRequest, inputs: int) -> float:
    """Seconds that these parts take on one core, to within a small factor; 0 where neither is asked for."""
    asked = {*request.include} & {"flatness", "learning_coefficient"}
    if not asked:
        return 0.0
    layers = request.problem.network.layers
    outputs, directions = layers[-1].width, inputs + 1
    used = min(DENSE, (inputs + outputs) * (min(inputs, outputs) + 1))
    seconds = LEAST_S + PER_CUBE_S * used**3
    if "flatness" in asked and not any(layer.weight_decay for layer in layers):
        search = 0.0 if outputs == 1 or EVALUATIONS * outputs * directions**3 > SEARCHED else float(EVALUATIONS)
        seconds += (SECULAR_S if directions > SMALL else 0.0) + (1.0 + search) * outputs * (
            EVALUATION_S + PER_CUBE_S * directions**3
        )
    return seconds
