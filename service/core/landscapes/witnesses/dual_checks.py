"""A lower bound on the loss of a two-layer ReLU network at any width, from the errors of one point."""

import numpy as np

from service.core.ground.problems import Problem, Samples
from service.core.ground.rules import Fact
from service.core.landscapes.relu_cones import cones_of
from service.core.landscapes.witnesses.claims import Construction
from service.core.landscapes.witnesses.point_checks import Verified
from service.core.losses.nonlinear import loss_of, outputs_of

GAP = 1e-6


def global_minimum(problem: Problem, samples: Samples, construction: Construction, _seed: int) -> Verified:
    """The loss against ``max_a -2 a <e, y>/n - a^2 |e|^2/n`` over the multiples of the errors that no unit can use.

    A unit of product c and length one costs ``2 sqrt(g_1 g_2) |c|`` and earns at most ``|c|`` times its correlation
    with ``2 a e/n``; where no unit earns more than it costs, no function does.
    """
    network = problem.network
    first, second = (layer.weight_decay for layer in network.layers)
    lifted = samples.x / np.sqrt(first)
    if network.has_bias(0):
        ones = np.ones((len(lifted), 1)) / np.sqrt(network.bias_weight_decays[0])
        lifted = np.hstack([lifted, ones])
    cones = cones_of(lifted)
    loss = loss_of(network, problem.loss, construction.point, samples)
    if cones is None:
        return Verified(False, {"loss": loss})
    n = len(samples.y)
    errors = (outputs_of(network, construction.point, samples.x) - samples.y)[:, 0]
    steepest = 2.0 * max(cones.steepest(errors).value, cones.steepest(-errors).value) / n
    price = 2.0 * float(np.sqrt(second))
    ratio = steepest / price
    square, product = float(errors @ errors) / n, float(errors @ samples.y[:, 0]) / n
    best = -product / square if square > 0.0 else 0.0
    share = float(np.clip(best, 0.0, 1.0 / ratio if ratio > 0.0 else np.inf))
    bound = -2.0 * share * product - share * share * square
    gap = (loss - bound) / max(abs(loss), 1e-6 * float(np.mean(samples.y**2)), 1e-300)
    numbers: dict[str, Fact] = {
        "loss": loss,
        "lower_bound": bound,
        "relative_gap": gap,
        "correlation_over_price": ratio,
        "activation_patterns": len(cones.patterns),
        "active_units": int(np.count_nonzero(construction.point.weights[1])),
    }
    return Verified(-1e-9 <= gap <= GAP, numbers)
