"""A network of a given width: the best of several choices among the units of a wider one, each trained anew."""

from typing import Final

import numpy as np

from service.core.ground.stopping import should_stop
from service.core.relu.networks import HiddenUnits, Objective
from service.core.relu.training.newton import settled
from service.core.relu.training.polishing import polished

_TRIES: Final = 8
_LOOSE: Final = 1e-13


def narrowed_to(objective: Objective, units: HiddenUnits, width: int, seed: int = 0) -> HiddenUnits:
    """A network of at most ``width`` units, no worse than the best one without units."""
    rng = np.random.default_rng(seed)
    best = settled(objective, objective.nothing, 1.0, should_stop)
    order = np.argsort(-units.lengths, kind="stable")
    for attempt in range(_TRIES):
        chosen = order[:width] if attempt == 0 else rng.permutation(len(units))[:width]
        for rounding in (1.0, 0.1):
            trained = settled(objective, units.chosen(np.sort(chosen)), rounding, should_stop)
            trained = polished(objective, trained, _LOOSE)
            best = min(best, trained, key=objective.value)
        if should_stop():
            break
    return best
