"""Where the global minimum of lanes loses one, and the barrier between it and zero.

See ``docs/theory/factorisation.md``.
"""

import numpy as np

from service.core.ground.results import Transition
from service.core.several_outputs.singular_values.lanes import Lanes
from service.core.several_outputs.singular_values.scalar_bounds import scalar_minimisers


def transitions_of(lanes: Lanes) -> tuple[Transition, ...]:
    """Decay scales at which the global minimum loses a direction, ascending; ties count as one."""
    learnable = np.array([target for target in lanes.targets[: lanes.bound] if target > 0.0])
    threshold, layers = lanes.shrinkage.global_threshold, lanes.shrinkage.n_layers
    count, order = learnable.size, 2 if layers == 2 else 1
    if not count:
        return ()
    # the last of each group of ties, weakest first, and how many stay on after it
    lasts = [i for i in range(count - 1, -1, -1) if i + 1 == count or lanes.groups[i] != lanes.groups[i + 1]]
    kept = np.array([*(index + 1 for index in lasts[1:]), 0])
    scales = [lanes.shrinkage.scale_reaching(float(learnable[index]), threshold) for index in lasts]
    there = [lanes.shrinkage.scaled(scale) for scale in scales]
    penalties = np.array([each.penalty for each in there])[:, None]
    products = scalar_minimisers(learnable, penalties, 2.0 / layers)
    after = np.sum(np.where(np.arange(count) < kept[:, None], products**2, 0.0), axis=1)
    jumps = np.array([each.jump for each in there])
    before = after + (np.array(lasts) + 1 - kept) * jumps**2
    norms = zip(np.sqrt(before) / lanes.scale, np.sqrt(after) / lanes.scale, strict=True)
    return tuple(
        Transition(scale, order, float(high), float(low)) for scale, (high, low) in zip(scales, norms, strict=True)
    )


def barrier_of(lanes: Lanes) -> tuple[float | None, str]:
    """Height of the barrier between zero and the global minimum, three or more layers, or why it is unknown.

    Notes
    -----
    Up to the unstable root of the leading target one direction alone is the cheapest map of its norm, so its
    barrier is the one of the definition unless a later direction rises above it; the path that learns one
    direction after the other bounds that from above.
    """
    if not lanes.active:
        return 0.0, ""
    level, first = 0.0, 0.0
    for index in range(len(lanes.active)):
        unstable = lanes.roots[index][0]
        rise = unstable.value - lanes.targets[index] ** 2
        if index == 0:
            first = rise
        elif level + rise > first:
            return None, "a later singular direction may rise above the barrier of the first"
        level += lanes.active[index].value - lanes.targets[index] ** 2
    return first, ""
