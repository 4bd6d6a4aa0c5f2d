"""Upper bounds: the loss of given weights with a bound on every rounding in it.

The squared error is enclosed at the end-to-end map of the weights, whose own rounding is charged by the slope there.
Noise and decay are sums of terms of one sign.  Derivation: ``docs/theory/enclosures.md``.
"""

from dataclasses import dataclass, replace

import numpy as np

from service.core.ground.as_sent import prediction_source, without_targets
from service.core.ground.data.conditioned import Moments
from service.core.ground.enclosures.sources import UNIT, Local, gamma
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import powers_of_two
from service.core.ground.numbers.twofold import Twofold, added, exactly, negated, product, product_error
from service.core.ground.parameters import FactoredMatrix, Parameters
from service.core.ground.problems import Network, Problem
from service.core.ground.results import Terms
from service.core.losses.chain import as_chain, chain_of
from service.core.losses.dense import DenseParameters, end_to_end, offset_moduli
from service.core.losses.exact_map import (
    map_error,
    map_of_factors,
    map_of_matrices,
    offset_error,
    offset_of_factors,
    offset_of_matrices,
)
from service.core.losses.expected import decay_of, noise_variance
from service.vocabulary import Bias

POSITIVE = 256.0
"""Roundings of a sum of terms of one sign that come from a few products each."""
MOST_NOISE = 690.0
"""Logarithm of the largest factor by which noise multiplies the square of a prediction."""
OWN_SIZE = 1e-10
"""Error of a loss, relative to itself, above which it is evaluated in twice the working precision."""
OWN_SIZE_ON_HARD_DATA = 5e-13
"""The same for data that are not well scaled: their loss must be the same in whatever units they come."""


@dataclass(frozen=True, slots=True)
class ChainNoise:
    """Noise of a network that is a chain of single neurons, by the square of its prediction.

    Attributes
    ----------
    factor : float
        ``C - 1``.
    about_mean : bool
        Whether the square is that about the mean.
    inputs : float
        What noise on the inputs adds.
    """

    factor: float
    about_mean: bool
    inputs: float


@dataclass(frozen=True, slots=True)
class EnclosedLoss:
    """The loss of weights.

    Attributes
    ----------
    terms : Terms
        Nearest values; the fit is a sum of squares, or clipped at zero.
    error : float
        The exact loss differs from ``terms.loss`` by this at most.
    pull : float
        Size of the terms that cancel in the slope of the squared error, to which its rounding is relative.
    """

    terms: Terms
    error: float
    pull: float

    @property
    def upper(self) -> float:
        """No less than the exact loss."""
        return self.terms.loss + self.error


def enclosed_loss(
    problem: Problem,
    end_to_end_map: Twofold,
    map_error: FloatArray,
    offset: Twofold,
    offset_error: FloatArray,
    noise: float,
    decay: float,
    precise: bool = False,
    chain: ChainNoise | None = None,
) -> EnclosedLoss:
    """Enclose the loss of weights with a given end-to-end map.

    Parameters
    ----------
    problem : Problem
    end_to_end_map : Twofold of shape (k, d)
        Product of the weights.
    map_error : (d,) array
        Bound on the norm of the error of each of its columns.
    offset : Twofold of shape (k, 1)
        Mean prediction at x = 0.
    offset_error : (k,) array
        Bound on its error.
    noise, decay : float
        Sums of terms of one sign, from the weights; the second moments in ``noise`` are differences at worst.
    precise : bool
    chain : ChainNoise or None
        Gives the noise of a chain to the accuracy of the square of its prediction; ``noise`` is not used then.
    """
    data = problem.data
    centre = bool(problem.network.bias_layers) and data.x_mean is not None and data.y_mean is not None
    source = prediction_source(problem, centre)
    whole = end_to_end_map.high
    local = source.near(whole, end_to_end_map.low, precise)
    reach = float(source.sizes @ map_error)
    steepness = np.linalg.norm(local.slope, axis=0)
    fit, error = local.value, local.value_error + 2.0 * float(steepness @ map_error) + reach * reach
    if centre and data.x_mean is not None and data.y_mean is not None:
        size, off = _mean_misfit(data, end_to_end_map, offset, local, precise)
        off += float(np.abs(data.x_mean) @ map_error) + float(np.linalg.norm(offset_error))
        fit += size * size
        error += off * (2.0 * size + off)
    if noise > 0.0:
        about_mean = centre if chain is None else chain.about_mean
        seen = without_targets(prediction_source(problem, about_mean))
        square = seen.near(whole, end_to_end_map.low, precise)
        shifted = float(seen.sizes @ map_error)
        off = square.value_error + shifted * (2.0 * float(np.sqrt(max(square.value, 0.0))) + shifted)
        if chain is not None:
            noise = chain.factor * max(square.value, 0.0) + chain.inputs
            error += chain.factor * off
        else:
            used = (data.central if about_mean else data).mean_square(whole)
            error += noise * ((off + abs(square.value - used)) / max(used, 1e-300))
    error += gamma(POSITIVE) * (noise + decay) + gamma(8.0) * abs(fit)
    # slopes see the means as well, in which a misfit is rounded to the size of what a bias takes off
    sizes = float(np.linalg.norm(source.sizes))
    if centre and data.x_mean is not None:
        sizes = float(np.hypot(sizes, np.linalg.norm(data.x_mean)))
    pull = sizes * (float(np.sqrt(max(data.yy, 0.0))) + sizes * float(np.linalg.norm(whole)))
    return EnclosedLoss(Terms(max(fit, 0.0), noise, decay), 1.01 * error, pull)


def _mean_misfit(
    data: Moments, end_to_end_map: Twofold, offset: Twofold, local: Local, precise: bool
) -> tuple[float, float]:
    """Norm of the mean misfit of a map with an offset, and a bound on its error."""
    if data.x_mean is None or data.y_mean is None:
        return 0.0, 0.0
    whole, mean = end_to_end_map.high, data.x_mean[:, None]
    scale = powers_of_two(np.abs(mean[:, 0]))
    if precise:
        moved = product(whole * scale, mean / scale[:, None])
        moved = Twofold(moved.high, moved.low + end_to_end_map.low @ mean)
        target = added(exactly(data.y_mean[:, None]), negated(offset))
        missed = added(target, negated(moved)).rounded()[:, 0]
        # entries of the scaled means are at most two; the sum is exact where the map is zero and the bias is the mean
        unit = 4.0 * product_error(data.inputs) + gamma(data.inputs + 8.0) * 8.0 * UNIT
        reach = np.abs(whole * scale).max(axis=1, initial=0.0) * 2.0 + np.abs(moved.high[:, 0])
        reach = reach + np.where(reach > 0.0, np.abs(target.high[:, 0]), 0.0)
        off = float(np.linalg.norm(unit * reach + 2.0 * UNIT * np.abs(missed)))
    else:
        constant = offset.high[:, 0]
        missed = data.y_mean - whole @ mean[:, 0] - constant
        terms = np.abs(constant) + np.abs(whole) @ np.abs(mean[:, 0]) + np.abs(data.y_mean)
        off = float(np.linalg.norm(gamma(data.inputs + 8.0) * terms))
    if local.mean is not None:
        missed = missed + local.mean
    return float(np.linalg.norm(missed)) * (1.0 + 4.0 * UNIT), off + local.mean_error


def loss_of_weights(
    problem: Problem, network: Network, dense: DenseParameters, parameters: Parameters | None = None
) -> EnclosedLoss:
    """The loss of any weights with its error.

    Parameters
    ----------
    problem : Problem
    network : Network
        That of the problem, or one that is equal to it at these weights and narrower.
    dense : DenseParameters
        Its weights.
    parameters : Parameters, optional
        Factors that the weights come from; the error then covers both.

    Notes
    -----
    In double precision, or in about twice that where the loss is small beside what cancels in it.
    """
    product, offset = end_to_end(dense)
    moduli = np.abs(dense.weights[0])
    for weight in dense.weights[1:]:
        moduli = np.abs(weight) @ moduli
    # weights in factors and the matrices they stand for differ by the rounding of their entries: this covers both
    roundings = gamma(sum(weight.shape[1] + 3.0 for weight in dense.weights))
    error, unsure = roundings * np.linalg.norm(moduli, axis=0), roundings * offset_moduli(dense)
    noise, decay = noise_variance(network, problem.data, dense), float(decay_of(network, dense))
    found = enclosed_loss(problem, exactly(product), error, exactly(offset[:, None]), unsure, noise, decay)
    if is_sharp(problem, found):
        return found
    chain = _chain_noise(problem, network, dense) if noise > 0.0 else None
    return precisely_enclosed(problem, dense, parameters, noise, decay, chain)


def is_sharp(problem: Problem, loss: EnclosedLoss) -> bool:
    """Whether a loss needs no evaluation in twice the working precision."""
    allowed = OWN_SIZE if problem.data.spectrum.plain else OWN_SIZE_ON_HARD_DATA
    return loss.error <= allowed * loss.terms.loss


def _chain_noise(problem: Problem, network: Network, dense: DenseParameters) -> ChainNoise | None:
    """Noise by the square of the prediction, where hidden neurons are alike and have no bias; else None."""
    if network.bias in (Bias.ALL, Bias.HIDDEN) or network.n_hidden == 0:
        return None
    written = Parameters(
        tuple(FactoredMatrix(weight, np.ones(weight.shape[1]), np.eye(weight.shape[1])) for weight in dense.weights),
        (None,) * network.n_layers,
    )
    if chain_of(network, as_chain(network, written)) is None:
        return None
    log_factor = float(np.sum(np.log1p([layer.noise_variance / layer.width for layer in network.layers[:-1]])))
    if log_factor > MOST_NOISE:
        return None
    factor, on_inputs = float(np.expm1(log_factor)), network.input_noise_variance * problem.data.xx.diagonal()
    return ChainNoise(factor, False, (1.0 + factor) * float(on_inputs @ end_to_end(dense)[0][0] ** 2))


def precisely_enclosed(
    problem: Problem,
    dense: DenseParameters,
    parameters: Parameters | None,
    noise: float,
    decay: float,
    chain: ChainNoise | None = None,
) -> EnclosedLoss:
    """Enclose the loss of weights in about twice the working precision.

    The value is that of the matrices as they are written out; the error covers the factors that they come from as well,
    which differ from them by the rounding of entries.
    """
    error, unsure = map_error(dense), offset_error(dense)
    rest = (noise, decay, True, chain)
    found = enclosed_loss(problem, map_of_matrices(dense), error, offset_of_matrices(dense), unsure, *rest)
    if parameters is None:
        return found
    other = enclosed_loss(problem, map_of_factors(parameters), error, offset_of_factors(parameters), unsure, *rest)
    return replace(found, error=max(found.upper, other.upper) - found.terms.loss)
