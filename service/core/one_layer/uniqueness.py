"""Whether the best weights of one layer are the only ones."""

from typing import Final

import numpy as np

from service.core.convex_losses.class_shares import ClassShares
from service.core.convex_losses.differences import QuantileLoss
from service.core.one_layer.corrected import corrected, is_curved
from service.core.one_layer.parts import LayerPart
from service.core.one_layer.predicted import LayerWeights, predicted

UNIQUE: Final = "unique"
SHIFTED: Final = "unique up to a common shift of all biases"
MAP_ONLY: Final = "the map is unique; the bias may not be"
UNKNOWN: Final = "not decided: without decay other weights may have the same loss, or come nearer to the infimum"


def uniqueness_of(part: LayerPart, weights: LayerWeights) -> str:
    """What is known, from decay and from the curvature of the loss at the weights.

    Notes
    -----
    Decay makes the objective strictly convex in what it touches.  A free bias is unique beside a decayed map where the
    loss is curved at some sample; without decay everything is where the curved samples span the inputs.
    """
    loss = part.loss
    decayed = part.decay > 0.0
    if decayed and part.bias_decay != 0.0:
        return UNIQUE
    if isinstance(loss, ClassShares):
        return SHIFTED if decayed else UNKNOWN
    if isinstance(loss, QuantileLoss):
        return MAP_ONLY if decayed else UNKNOWN
    curved = loss.curvature(predicted(part, weights).at + (0.0 if loss.centred() is None else loss.y))
    if decayed:
        return UNIQUE if bool((curved > 0.0).any()) else MAP_ONLY
    return UNIQUE if is_curved(part, np.asarray(curved)) and _is_attained(part, weights) else UNKNOWN


def _is_attained(part: LayerPart, weights: LayerWeights) -> bool:
    """Whether some errors balance exactly inside their domain, so that along no map all losses fall for ever.

    A map along which no loss grows has no product with the errors of a sample that is positive, and their sum is zero.
    """
    seen = predicted(part, weights)
    if isinstance(seen.loss, ClassShares) or seen.loss.centred() is not None:
        return True
    found = corrected(part, seen.loss, -seen.loss.slope(seen.at), part.decays == 0.0, weights.coefficients(part))
    if found is None:
        return False
    errors, box = found
    return bool((box < seen.loss.room(errors)).all())
