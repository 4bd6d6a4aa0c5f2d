"""A search for the least of least squares with a concave penalty that its own lower bound leads on.

Where the multiplier of a local minimum fails it names a lane that gains more than its share; with that lane put in
the descent goes on elsewhere.  See ``docs/theory/deep-bounds.md``.
"""

from service.core.ground.numbers.arrays import FloatArray
from service.core.several_outputs.chords import Lane
from service.core.several_outputs.envelope import Penalised
from service.core.several_outputs.frame import frame_bound
from service.core.several_outputs.reweighted import replaced, settle

ROUNDS = 8
SLACK = 1e-10
"""What a bound may lose, relative to the value."""
PROVED = 1e-13


def slack_of(task: Penalised, value: float) -> float:
    """What a lower bound of a problem with this value may lose for the sake of speed."""
    return SLACK * max(value, 1e-6 * task.quadratic.total)


def violated(task: Penalised, end_map: FloatArray) -> Lane | None:
    """Where a map (k, rho) is not known to be globally least, ``None`` if a bound proves it to be."""
    value = task.value(end_map)
    if task.lower_bound(end_map) >= value - PROVED * task.quadratic.total:
        return None
    return frame_bound(task, end_map, slack_of(task, value), repairs=0).violated


def guided(task: Penalised, start: FloatArray) -> tuple[FloatArray, bool]:
    """The local minimum reached from ``start`` (k, rho), and whether it is proved to be the least of all."""
    best = settle(task, start)
    for _ in range(ROUNDS):
        lane = violated(task, best)
        if lane is None:
            return best, True
        following = settle(task, replaced(task, best, lane))
        if task.value(following) >= task.value(best) - 1e-12 * task.quadratic.total:
            break
        best = following
    return best, False
