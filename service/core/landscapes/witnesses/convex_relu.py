"""The global minimum of a two-layer ReLU network with decay, for few samples in few dimensions.

With ``g_1, g_2`` the decays, units are as good as their products: ``min J`` is the least over functions
``f = sum_j c_j max(u_j.x, 0)``, ``|u_j| = 1``, of ``E(f - y)^2 + 2 sqrt(g_1 g_2) sum_j |c_j|``.  Units are added one
at a time, the one that correlates most with the errors, and those in one cone with one sign are merged.
"""

import numpy as np
from scipy.optimize import nnls

from service.core.ground.hypotheses import ALL_TRAINED, NO_SKIPS, ONE_OUTPUT, SQUARED_LOSS
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem, Samples
from service.core.ground.rules import conjunction, examine
from service.core.landscapes import hypotheses
from service.core.landscapes.relu_cones import cones_of
from service.core.landscapes.witnesses.claims import Construction, WitnessClaim
from service.core.losses.dense import DenseParameters
from service.vocabulary import Activation

NEEDED = (
    hypotheses.LINEAR_OUTPUT,
    hypotheses.NO_NOISE,
    NO_SKIPS,
    ALL_TRAINED,
    SQUARED_LOSS,
    hypotheses.ONE_HIDDEN,
    ONE_OUTPUT,
    hypotheses.WEIGHTS_DECAYED,
    hypotheses.BIASES_DECAYED,
    hypotheses.NO_OUTPUT_BIAS,
)
_ROUNDS = 80
_TOLERANCE = 1e-8


def lifted_inputs(problem: Problem, samples: Samples) -> FloatArray:
    """Inputs (n, d) with the constant of a bias, each divided by the root of its decay: all decays become one."""
    network = problem.network
    scaled: FloatArray = samples.x / np.sqrt(network.layers[0].weight_decay)
    if not network.has_bias(0):
        return scaled
    constant = np.full((len(scaled), 1), 1.0 / np.sqrt(network.bias_weight_decays[0]))
    return np.hstack([scaled, constant])


def certified_minimum(problem: Problem) -> Construction | None:
    """The minimum with as few units as were found; ``None`` if the network is narrower than that."""
    samples, network = problem.samples, problem.network
    if samples is None or conjunction(examine(NEEDED, problem)) is not True:
        return None
    if network.layers[0].activation is not Activation.RELU:
        return None
    x, y, n = lifted_inputs(problem, samples), samples.y[:, 0], len(samples.y)
    cones = cones_of(x)
    if cones is None:
        return None
    price = 2.0 * float(np.sqrt(network.layers[1].weight_decay))
    units, factors = np.zeros((0, x.shape[1])), np.zeros(0)
    for steps in range(_ROUNDS):
        errors = np.maximum(x @ units.T, 0.0) @ factors - y
        up, down = cones.steepest(-errors), cones.steepest(errors)
        steepest, sign = (up, 1.0) if up.value >= down.value else (down, -1.0)
        if 2.0 * steepest.value / n <= price * (1.0 + _TOLERANCE):
            break
        if steps == _ROUNDS - 1:
            return None
        units, factors = np.vstack([units, steepest.direction]), np.append(factors, 1e-300 * sign)
        units, factors = _merged(x, units, _fitted(x, y, units, np.sign(factors), price))
    units, factors = units[factors != 0.0], factors[factors != 0.0]
    if len(factors) > network.hidden_widths[0]:
        return None
    return Construction(
        "W12", "a minimum that no width improves", "R28", WitnessClaim.GLOBAL_MINIMUM, _network(problem, units, factors)
    )


def _fitted(x: FloatArray, y: FloatArray, units: FloatArray, signs: FloatArray, price: float) -> FloatArray:
    """Signed factors of least ``E(f - y)^2 + price sum |c|`` for the given units."""
    features = np.maximum(x @ units.T, 0.0) * signs
    n = len(y)
    gram = features.T @ features / n
    gram[np.diag_indices_from(gram)] += 1e-14 * max(float(np.trace(gram)), 1e-300)
    root = np.linalg.cholesky(gram)
    pull = features.T @ y / n - 0.5 * price
    return np.asarray(nnls(root.T, np.linalg.solve(root, pull), maxiter=1000)[0] * signs)


def _merged(x: FloatArray, units: FloatArray, factors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Units of one sign and one activation pattern as one unit: the same function for no larger price."""
    gathered: dict[bytes, FloatArray] = {}
    for unit, factor in zip(units, factors, strict=True):
        if factor != 0.0:
            key = (x @ unit > 0.0).tobytes() + (b"+" if factor > 0.0 else b"-")
            gathered[key] = gathered.get(key, np.zeros_like(unit)) + abs(factor) * unit
    sums = np.array(list(gathered.values())).reshape(len(gathered), units.shape[1])
    lengths = np.linalg.norm(sums, axis=1)
    signs = np.array([1.0 if key.endswith(b"+") else -1.0 for key in gathered])
    return sums / lengths[:, None], lengths * signs


def _network(problem: Problem, units: FloatArray, factors: FloatArray) -> DenseParameters:
    """Balanced weights: each unit costs as much in the first layer as in the second."""
    network, inputs = problem.network, problem.data.inputs
    first, second = (layer.weight_decay for layer in network.layers)
    # |w~|^2 + g_2 v^2 is least for a given product where both are equal
    sizes = np.sqrt(np.abs(factors) * np.sqrt(second))
    weight = np.zeros((network.hidden_widths[0], inputs))
    output = np.zeros((1, network.hidden_widths[0]))
    weight[: len(units)] = units[:, :inputs] * sizes[:, None] / np.sqrt(first)
    output[0, : len(units)] = np.sign(factors) * sizes / np.sqrt(second)
    bias = None
    if network.has_bias(0):
        bias = np.zeros(network.hidden_widths[0])
        bias[: len(units)] = units[:, inputs] * sizes / np.sqrt(network.bias_weight_decays[0])
    return DenseParameters((weight, output), (bias, None))
