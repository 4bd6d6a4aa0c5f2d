"""Minima of one smooth neuron that stay minima, though bad, when the neuron is split into many equal ones.

With ``e`` the errors and ``z`` the pre-activations of a neuron (w, b, v) at a minimum of the network of one neuron,
the network of m copies with output weights ``lambda_j v``, ``sum lambda_j = 1``, has a local minimum exactly where
``v sum_i e_i s''(z_i) x~_i x~_i'`` is definite: positive with all ``lambda_j > 0``, negative with all but one
``lambda_j < 0``.  The copies can be told apart only by their output weights, along which the loss is flat.
"""

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem, Samples
from service.core.landscapes.witnesses.claims import Construction, WitnessClaim
from service.core.landscapes.witnesses.search import hessian, settled
from service.core.losses.dense import DenseParameters
from service.core.losses.nonlinear import apply, derivative, loss_of, outputs_of
from service.vocabulary import Activation, Bias

_SMOOTH = frozenset({Activation.TANH, Activation.SIGMOID, Activation.SOFTPLUS})
_STARTS = 8
_TRIES = 15
_DEFINITE = 1e-4
"""Least ratio of the extreme eigenvalues of the matrix that must be definite."""

_MOST_WORK = 10_000
"""Largest product of the number of samples with the square of that of the inputs."""

_ASCENT = 400
_SHARPNESS = 3_000.0
"""Size of the matrices whose least eigenvalue is smoothed: the larger the sharper."""


def split_neuron(problem: Problem) -> Construction | None:
    """The caller's own targets if a split minimum is found for them, else other targets that have one."""
    return problem.once("landscapes.split_neuron", lambda: _search(problem))


def _search(problem: Problem) -> Construction | None:
    samples, network = problem.samples, problem.network
    if samples is None or network.n_hidden != 1 or network.hidden_widths[0] < 2:
        return None
    if network.layers[0].activation not in _SMOOTH or len(samples.x) * samples.x.shape[1] ** 2 > _MOST_WORK:
        return None
    if not np.any(samples.x) and not network.has_bias(0):
        return None
    rng = np.random.default_rng(0)
    return _own(problem, samples, rng) or _chosen(problem, samples, rng)


def _own(problem: Problem, samples: Samples, rng: np.random.Generator) -> Construction | None:
    """Minima of the network of one neuron on the caller's data, tried until one can be split."""
    network = problem.network
    if network.outputs != 1:
        return None
    single = Network((_with_width(network.layers[0], 1), network.layers[1]), 0.0, network.bias, (0.0, 0.0))
    spread = max(float(np.sqrt(np.mean(samples.x**2))), 1e-12)
    for _ in range(_STARTS):
        weight = rng.normal(size=(1, samples.x.shape[1])) / (spread * np.sqrt(samples.x.shape[1]))
        start = DenseParameters(
            (weight, rng.normal(size=(1, 1))),
            (rng.normal(size=1) if network.has_bias(0) else None, np.zeros(1) if network.has_bias(1) else None),
        )
        point = settled(single, problem.loss, samples, start)
        if not _settled_well(single, problem, samples, point):
            continue
        matrix = _curvature(problem, samples, point)
        definite = _definite(matrix)
        if definite:
            split = _split(network, point, definite)
            better = _better(problem, samples, rng)
            if _improves(problem, samples, better, split):
                title = "equal neurons at a minimum of the network of one neuron"
                return Construction("W3", title, "R37", WitnessClaim.SPURIOUS_MINIMUM, split, better)
    return None


def _settled_well(single: Network, problem: Problem, samples: Samples, point: DenseParameters) -> bool:
    """A minimum with positive curvature in every direction, and weights that are not on their way to infinity."""
    if max(float(np.abs(weight).max()) for weight in point.weights) > 1e3:
        return False
    values = np.linalg.eigvalsh(hessian(single, problem.loss, samples, point))
    return bool(values[0] > 1e-5 * values[-1])


def _with_width(layer: Layer, width: int) -> Layer:
    return Layer(width, layer.activation, layer.slope)


def _lifted(problem: Problem, x: FloatArray) -> FloatArray:
    return np.hstack([x, np.ones((len(x), 1))]) if problem.network.has_bias(0) else x


def _second_derivative(layer: Layer, values: FloatArray) -> FloatArray:
    slope = derivative(layer, values)
    if layer.activation is Activation.TANH:
        return -2.0 * np.tanh(values) * slope
    if layer.activation is Activation.SIGMOID:
        return slope * (1.0 - 2.0 * apply(layer, values))
    return slope * (1.0 - slope)


def _curvature(problem: Problem, samples: Samples, point: DenseParameters) -> FloatArray:
    """``v sum_i e_i s''(z_i) x~_i x~_i'`` of a network of one neuron and one output."""
    bias = point.biases[0]
    values = samples.x @ point.weights[0][0] + (0.0 if bias is None else bias[0])
    single = Network((_with_width(problem.network.layers[0], 1), problem.network.layers[1]), 0.0, problem.network.bias)
    errors = (outputs_of(single, point, samples.x) - samples.y)[:, 0]
    lifted = _whitened(_lifted(problem, samples.x))
    output: FloatArray = point.weights[1]
    factors = float(output[0, 0]) * errors * _second_derivative(problem.network.layers[0], values)
    matrix: FloatArray = (lifted * factors[:, None]).T @ lifted
    return matrix


def _definite(matrix: FloatArray) -> int:
    """1 or -1 where the matrix is positive or negative definite with room to spare, else 0."""
    values = np.linalg.eigvalsh(matrix)
    size = float(np.abs(values).max())
    if size == 0.0 or float(np.abs(values).min()) < _DEFINITE * size:
        return 0
    return 1 if values[0] > 0.0 else (-1 if values[-1] < 0.0 else 0)


def _split(network: Network, point: DenseParameters, sign: int) -> DenseParameters:
    width = network.hidden_widths[0]
    shares = np.full(width, 1.0 / width)
    if sign < 0:
        shares[:] = -1.0
        shares[0] = float(width)
    bias = point.biases[0]
    return DenseParameters(
        (np.repeat(point.weights[0], width, axis=0), point.weights[1] * shares),
        (None if bias is None else np.repeat(bias, width), point.biases[1]),
    )


def _better(problem: Problem, samples: Samples, rng: np.random.Generator) -> DenseParameters:
    """Random neurons with fitted output weights, the best of a few draws."""
    network, x = problem.network, samples.x
    width, constant = network.hidden_widths[0], network.bias in (Bias.ALL, Bias.OUTPUT)
    spread = max(float(np.sqrt(np.mean(x**2) * x.shape[1])), 1e-12)
    best: tuple[float, DenseParameters] | None = None
    for _ in range(_TRIES):
        weight = 2.0 * rng.normal(size=(width, x.shape[1])) / spread
        bias = rng.normal(size=width) if network.has_bias(0) else None
        values = x @ weight.T
        features = apply(network.layers[0], values if bias is None else values + bias)
        design = np.hstack([features, np.ones((len(x), 1))]) if constant else features
        fitted = np.linalg.lstsq(design, samples.y, rcond=1e-10)[0].T
        last = fitted[:, -1] if constant else None
        found = DenseParameters((weight, fitted[:, :width]), (bias, last))
        value = loss_of(network, problem.loss, found, samples)
        if best is None or value < best[0]:
            best = (value, found)
    assert best is not None  # noqa: S101  # the loop runs at least once
    return best[1]


def _improves(problem: Problem, samples: Samples, better: DenseParameters, point: DenseParameters) -> bool:
    above = loss_of(problem.network, problem.loss, point, samples)
    return above - loss_of(problem.network, problem.loss, better, samples) > 1e-6 * max(1.0, above)


def _whitened(lifted: FloatArray) -> FloatArray:
    """The same columns, made orthonormal: definiteness does not depend on coordinates."""
    left, values, _ = np.linalg.svd(lifted, full_matrices=False)
    kept: FloatArray = left[:, values > 1e-10 * values[0]]
    return kept


def _chosen(problem: Problem, samples: Samples, rng: np.random.Generator) -> Construction | None:
    """Targets for the caller's inputs at which equal neurons are stationary with the curvature that is needed."""
    network, x = problem.network, samples.x
    layer, lifted = network.layers[0], _whitened(_lifted(problem, x))
    spread = max(float(np.sqrt(np.mean(x**2) * x.shape[1])), 1e-12)
    for attempt in range(_TRIES if lifted.shape[1] <= 4 else _TRIES // 3):
        # sigmoids are bent only where their arguments are large
        reach = 2.0 ** (1 + attempt % 3)
        weight: FloatArray = np.asarray(reach / spread * rng.normal(size=x.shape[1]))
        bias = float(rng.normal()) if network.has_bias(0) else 0.0
        values: FloatArray = x @ weight + bias
        columns = [apply(layer, values)[:, None], derivative(layer, values)[:, None] * lifted]
        if network.has_bias(1):
            columns.append(np.ones((len(x), 1)))
        errors = _definite_errors(np.hstack(columns), _second_derivative(layer, values), lifted)
        if errors is None:
            continue
        size = max(float(samples.y.std()), 1.0)
        direction = np.ones(network.outputs) / np.sqrt(network.outputs)
        output: FloatArray = size * direction
        made = np.outer(apply(layer, values), output) - np.outer(size * errors, direction)
        offset: FloatArray = samples.y.mean(axis=0)
        other = Samples(x, made + offset if network.has_bias(1) else made)
        single = DenseParameters(
            (weight[None, :], output[:, None]),
            (np.array([bias]) if network.has_bias(0) else None, offset if network.has_bias(1) else None),
        )
        point, better = _split(network, single, 1), _better(problem, other, rng)
        if _improves(problem, other, better, point):
            title = "equal neurons, on the caller's inputs with other targets"
            claim = WitnessClaim.SPURIOUS_MINIMUM
            return Construction("W3", title, "R37", claim, point, better, samples=other)
    return None


def _definite_errors(stationary: FloatArray, second: FloatArray, lifted: FloatArray) -> FloatArray | None:
    """Unit errors orthogonal to the columns with ``sum e_i s''_i x~_i x~_i'`` positive definite, or ``None``.

    The least eigenvalue is concave in the errors: its smooth version is maximised within the null space.
    """
    left, values, _ = np.linalg.svd(stationary, full_matrices=True)
    free = left[:, int(np.count_nonzero(values > 1e-13 * values[0])) :]
    if not free.shape[1]:
        return None
    products = np.einsum("n,ni,nj,nk->kij", second, lifted, lifted, free, optimize=True)
    products *= _SHARPNESS / max(float(np.linalg.norm(products, axis=(1, 2)).max()), 1e-300)

    def objective(share: FloatArray) -> tuple[float, FloatArray]:
        found, vectors = np.linalg.eigh(np.tensordot(share, products, axes=1))
        weights = np.asarray(softmax(-found))
        slopes = np.einsum("kij,ia,ja,a->k", products, vectors, vectors, weights, optimize=True)
        return float(logsumexp(-found)) + 0.5 * float(share @ share), share - slopes

    share = minimize(objective, np.zeros(len(products)), jac=True, method="L-BFGS-B", options={"maxiter": _ASCENT}).x
    errors = free @ share
    length = float(np.linalg.norm(errors))
    found = np.linalg.eigvalsh((lifted * (errors * second)[:, None]).T @ lifted)
    return errors / length if length > 0.0 and found[0] > 10.0 * _DEFINITE * found[-1] else None
