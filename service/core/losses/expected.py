"""The exact expected loss of a linear network under multiplicative noise, and its gradient.

Noise of mean one enters the expected squared error only through second moments, so no sampling is needed: covariance
``S``, covariance with the target ``T`` and mean ``m`` of a layer determine those of the next.  A bias moves the mean
alone, so that a large mean and a bias that takes it off cancel in the mean, before anything is squared.
The derivation is in ``docs/theory/second-moments.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Moments, Network
from service.core.ground.results import Terms
from service.core.losses.dense import AnyArray, DenseParameters, end_to_end


@dataclass(frozen=True, slots=True)
class _State:
    """Covariance, covariance with the target, and mean of what enters a layer.

    Without a bias in the network these are second moments about zero, and the mean is zero.
    """

    spread: AnyArray
    target: AnyArray
    mean: AnyArray


@dataclass(frozen=True, slots=True)
class _Seen:
    """Moments as a network sees them: about the means where it has a bias, as they are where it has none."""

    spread: FloatArray
    target: FloatArray
    variance: float
    mean: FloatArray
    target_mean: FloatArray


def _seen(network: Network, moments: Moments) -> _Seen:
    none, none_y = np.zeros(moments.inputs), np.zeros(moments.outputs)
    if not network.bias_layers or moments.x_mean is None or moments.y_mean is None:
        mean = none if moments.x_mean is None else moments.x_mean
        mean = mean if network.bias_layers else none
        return _Seen(moments.xx, moments.xy, moments.yy, mean, none_y)
    central = moments.central
    return _Seen(central.xx, central.xy, central.yy, moments.x_mean, moments.y_mean)


def _with_noise(spread: AnyArray, mean: AnyArray, variance: float) -> AnyArray:
    """``S + s diag(S + m m^T)``: independent mean-one noise of variance s on every coordinate."""
    if variance == 0.0:
        return spread
    noisy = spread.copy()
    noisy[np.diag_indices_from(noisy)] += variance * (np.diagonal(spread) + mean * mean)
    return noisy


def _advance(state: _State, weight: AnyArray, bias: AnyArray | None, variance: float) -> _State:
    mean = weight @ state.mean
    if bias is not None:
        mean = mean + bias
    return _State(_with_noise(weight @ state.spread @ weight.T, mean, variance), weight @ state.target, mean)


def _forward(network: Network, seen: _Seen, parameters: DenseParameters, noisy: bool) -> list[_State]:
    variance = network.input_noise_variance if noisy else 0.0
    states = [_State(_with_noise(seen.spread, seen.mean, variance), seen.target, seen.mean)]
    for layer, weight, bias in zip(network.layers, parameters.weights, parameters.biases, strict=True):
        states.append(_advance(states[-1], weight, bias, layer.noise_variance if noisy else 0.0))
    return states


def _error(final: _State, seen: _Seen) -> Any:
    missed = final.mean - seen.target_mean
    return np.trace(final.spread) - 2.0 * np.trace(final.target) + seen.variance + np.sum(missed * missed)


def _is_noisy(network: Network) -> bool:
    return network.input_noise_variance > 0.0 or bool(np.any(network.noise_variances))


def decay_of(network: Network, parameters: DenseParameters) -> Any:
    """``sum_l g_l ||W_l||_F^2`` and the same of the biases.  O(number of parameters)."""
    total: Any = sum(
        layer.weight_decay * np.sum(weight * weight)
        for layer, weight in zip(network.layers, parameters.weights, strict=True)
    )
    for decay, bias in zip(network.bias_weight_decays, parameters.biases, strict=False):
        if bias is not None and decay:
            total = total + decay * np.sum(bias * bias)
    return total


def loss_of(network: Network, moments: Moments, parameters: DenseParameters) -> Any:
    """Exact expected objective of arbitrary weights of a linear network.

    Parameters
    ----------
    network : Network
        With linear activations and without skips.
    moments : Moments
        With means if the network has a bias.
    parameters : DenseParameters

    Returns
    -------
    float
        ``E||f - y||^2 + sum_l g_l ||W_l||^2``; complex if the parameters are.

    Notes
    -----
    O(sum_l d_l d_{l-1} max(d_l, d_{l-1})) operations.  Derived, see ``docs/theory/second-moments.md``.
    """
    seen = _seen(network, moments)
    return _error(_forward(network, seen, parameters, noisy=True)[-1], seen) + decay_of(network, parameters)


def terms_of(network: Network, moments: Moments, parameters: DenseParameters) -> Terms:
    """Split of `loss_of`: error of the mean prediction, a sum of squares, variance by noise, and decay."""
    fit = fit_of(moments, *end_to_end(parameters))
    noise = noise_variance(network, moments, parameters)
    return Terms(fit, noise, float(decay_of(network, parameters)))


def noise_variance(network: Network, moments: Moments, parameters: DenseParameters) -> float:
    """Variance that noise gives the prediction, averaged over the inputs and summed over the outputs.

    Notes
    -----
    Carried along as rows whose squares add up, so that nothing cancels: those of the data, by their root where they
    have one, and one for every unit that noise has reached.
    """
    if not _is_noisy(network):
        return 0.0
    central = bool(network.bias_layers) and moments.x_mean is not None and moments.y_mean is not None
    seen = moments.central if central else moments
    mean: AnyArray = moments.x_mean if central and moments.x_mean is not None else np.zeros(moments.inputs)
    spread: AnyArray | None = None if seen.rooted else seen.xx
    rows: AnyArray = seen.root.root if seen.rooted else np.zeros((0, moments.inputs))
    square = (np.sum(rows * rows, axis=0) if spread is None else np.diagonal(spread)) + mean * mean
    noise: AnyArray = np.diag(np.sqrt(network.input_noise_variance * square))
    for layer, weight, bias in zip(network.layers, parameters.weights, parameters.biases, strict=True):
        rows, noise, mean = rows @ weight.T, noise @ weight.T, weight @ mean + (0.0 if bias is None else bias)
        if spread is not None:
            spread = weight @ spread @ weight.T
        if layer.noise_variance:
            square = np.sum(rows * rows, axis=0) if spread is None else np.maximum(np.diagonal(spread), 0.0)
            square = square + mean * mean + np.sum(noise * noise, axis=0)
            noise = np.concatenate((noise, np.diag(np.sqrt(layer.noise_variance * square))))
    return float(np.sum(noise * noise))


def gradient_of(network: Network, moments: Moments, parameters: DenseParameters) -> DenseParameters:
    """Gradient of `loss_of` by the reverse of the moment recursion.

    Returns
    -------
    DenseParameters
        Derivatives with the shapes of the parameters.

    Notes
    -----
    The same order of operations as the loss.  Polynomial in the parameters, so a complex step gives exact
    Hessian-vector products.  Derived, see ``docs/theory/second-moments.md``.
    """
    seen = _seen(network, moments)
    return _reverse(network, seen, parameters, _forward(network, seen, parameters, noisy=True))


def gradient_by_map(network: Network, moments: Moments, parameters: DenseParameters) -> DenseParameters:
    """`gradient_of` at real parameters, without moments of hidden layers where there is no noise.

    Notes
    -----
    The squared error then depends on the end-to-end map alone: its slope there goes through the other layers.  Products
    with one side of the width of the inputs or outputs instead of squares of hidden widths.
    """
    if _is_noisy(network):
        return gradient_of(network, moments, parameters)
    seen = _seen(network, moments)
    below: list[AnyArray] = []
    means = [seen.mean]
    for weight, bias in zip(parameters.weights, parameters.biases, strict=True):
        below.append(weight @ below[-1] if below else weight)
        mean = weight @ means[-1]
        means.append(mean if bias is None else mean + bias)
    slope: AnyArray = 2.0 * (below[-1] @ seen.spread - seen.target.T)
    pushed: AnyArray = 2.0 * (means[-1] - seen.target_mean)
    weights: list[AnyArray] = []
    biases: list[AnyArray | None] = []
    for index in range(network.n_layers - 1, -1, -1):
        weight, bias = parameters.weights[index], parameters.biases[index]
        own = slope @ below[index - 1].T if index else slope
        own = own + (2.0 * network.layers[index].weight_decay) * weight
        weights.append(own + np.outer(pushed, means[index]) if network.bias_layers else own)
        biases.append(None if bias is None else pushed + 2.0 * _bias_decay(network, index) * bias)
        if index:
            slope, pushed = weight.T @ slope, weight.T @ pushed
    return DenseParameters(tuple(reversed(weights)), tuple(reversed(biases)))


def loss_and_gradient(network: Network, moments: Moments, parameters: DenseParameters) -> tuple[float, DenseParameters]:
    """`loss_of` and `gradient_of` at real parameters from one pass."""
    seen = _seen(network, moments)
    states = _forward(network, seen, parameters, noisy=True)
    loss = float(_error(states[-1], seen) + decay_of(network, parameters))
    return loss, _reverse(network, seen, parameters, states)


def _reverse(network: Network, seen: _Seen, parameters: DenseParameters, states: Sequence[_State]) -> DenseParameters:
    """The reverse of the moment recursion from the states that it went through."""
    outputs = len(seen.target_mean)
    spread_adjoint: AnyArray = np.eye(outputs)
    target_adjoint: AnyArray = -2.0 * np.eye(outputs)
    mean_adjoint: AnyArray = 2.0 * (states[-1].mean - seen.target_mean)
    weights: list[AnyArray] = []
    biases: list[AnyArray | None] = []
    for index in range(network.n_layers - 1, -1, -1):
        layer, weight, bias = network.layers[index], parameters.weights[index], parameters.biases[index]
        state, variance = states[index], layer.noise_variance
        inner, pushed = spread_adjoint, mean_adjoint
        if variance:
            inner = spread_adjoint + variance * np.diag(np.diagonal(spread_adjoint))
            pushed = mean_adjoint + 2.0 * variance * np.diagonal(spread_adjoint) * states[index + 1].mean
        slope = 2.0 * inner @ weight @ state.spread + target_adjoint @ state.target.T + np.outer(pushed, state.mean)
        weights.append(slope + 2.0 * layer.weight_decay * weight)
        biases.append(None if bias is None else pushed + 2.0 * _bias_decay(network, index) * bias)
        spread_adjoint = weight.T @ inner @ weight
        target_adjoint = weight.T @ target_adjoint
        mean_adjoint = weight.T @ pushed
    return DenseParameters(tuple(reversed(weights)), tuple(reversed(biases)))


def _bias_decay(network: Network, index: int) -> float:
    return network.bias_weight_decays[index] if network.bias_weight_decays else 0.0


def fit_of(moments: Moments, end_to_end_map: FloatArray, offset: FloatArray) -> float:
    """Mean squared error ``E||W x + b - y||^2`` of a map (k, d) and an offset (k,), never negative.  O(k d^2)."""
    return moments.fit(end_to_end_map, offset)
