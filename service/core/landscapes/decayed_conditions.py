"""Hypotheses and instances that theorems on weight decay share."""

from typing import Final

import numpy as np

from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import case, samples, white_samples
from service.vocabulary import Property

SPURIOUS: Final = Property.SPURIOUS_MINIMA_EXIST
WHITE = white_samples(3, np.array([[2.0, 0.3], [0.1, -1.0], [0.4, 0.2], [-1.5, 0.1], [0.0, 0.9], [0.3, 0.0]]))
SHALLOW = case((3, 2), samples(12, 3, 2), decay=0.05)
DEEP = case((3, 3, 2), samples(12, 3, 2), decay=0.05)
TRAINED = (on.NO_SKIPS, on.ALL_TRAINED)
