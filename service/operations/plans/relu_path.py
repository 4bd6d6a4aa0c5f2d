"""The curve of a certified minimum in the decay, made of what was found at its knots."""

from collections.abc import Mapping, Sequence

import numpy as np

from service.core.relu.dual import DualBound
from service.core.relu.minima.path import knots_of
from service.core.relu.networks import HiddenUnits, Objective
from service.operations.mapping.certificate import outwards
from service.operations.plans.columns import numbers
from service.operations.plans.plan import Json
from service.operations.plans.relu_states import rows_of, units_of
from service.schemas.parts_relu import ReluKnot, ReluState
from service.schemas.relu import DecayPath, PathKnot, PathWanted


def betas_of(wanted: PathWanted, decay_per_beta: float) -> list[float]:
    """The betas of the knots, ascending."""
    return [float(decay) / decay_per_beta for decay in np.geomspace(wanted.from_, wanted.to, wanted.knots)]


def path_of(
    arguments: Mapping[str, Json], objective: Objective, last: ReluState, found: Sequence[ReluKnot]
) -> DecayPath:
    """The curve; knots that were not searched in time have the bounds that the others give them."""
    width = objective.x.shape[1]
    networks = [units_of(objective, last)]
    networks += [HiddenUnits(rows_of(one.w, width), numbers(one.signs), numbers(one.free)) for one in found]
    proofs = [DualBound(last.bound, numbers(last.dual), last.feature_bound)]
    proofs += [DualBound(-np.inf, numbers(one.dual), one.feature_bound) for one in found]
    factor, per_beta = float(arguments["loss_per_sum"]), float(arguments["head"]["decay_per_beta"])
    betas = [float(beta) for beta in arguments["betas"]]
    return DecayPath(
        knots=[
            PathKnot(
                decay=knot.beta * per_beta,
                lower_bound=outwards(knot.lower, factor, -np.inf),
                upper_bound=outwards(knot.upper, factor, np.inf),
                slope=factor * knot.length / per_beta,
                units=knot.units,
            )
            for knot in knots_of(objective, betas, networks, proofs)
        ]
    )
