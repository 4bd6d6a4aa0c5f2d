"""A search for the least of least squares with a concave penalty that its own lower bound leads on.

Where the multiplier of a local minimum fails it names a lane that gains more than its share; with that lane put in
the descent goes on elsewhere.  See ``docs/theory/deep-bounds.md``.
"""

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.stopping import should_stop
from service.core.several_outputs.concave_penalty.chords import Lane
from service.core.several_outputs.concave_penalty.frame import frame_bound
from service.core.several_outputs.concave_penalty.penalised import Penalised
from service.core.several_outputs.concave_penalty.reweighted import replaced, settle

ROUNDS = 8
SLACK = 1e-10
"""What a bound may lose, relative to the value."""
PROVED = 1e-13


def slack_of(objective: Penalised, value: float) -> float:
    """What a lower bound of a problem with this value may lose for the sake of speed."""
    return SLACK * max(value, 1e-6 * objective.quadratic.total)


def violated(objective: Penalised, end_map: FloatArray) -> Lane | None:
    """Where a map (k, rho) is not known to be globally least, ``None`` if a bound proves it to be."""
    value = objective.value(end_map)
    if objective.lower_bound(end_map) >= value - PROVED * objective.quadratic.total:
        return None
    return frame_bound(objective, end_map, slack_of(objective, value), repairs=0).violated


def guided(objective: Penalised, start: FloatArray) -> tuple[FloatArray, bool]:
    """The local minimum reached from ``start`` (k, rho), and whether it is proved to be the least of all."""
    best = settle(objective, start)
    for _ in range(ROUNDS):
        if should_stop():
            break
        lane = violated(objective, best)
        if lane is None:
            return best, True
        following = settle(objective, replaced(objective, best, lane))
        if objective.value(following) >= objective.value(best) - 1e-12 * objective.quadratic.total:
            break
        best = following
    return best, False
