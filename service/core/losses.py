"""The exact expected loss of a linear network under multiplicative noise, and its gradient.

Noise of mean one enters the expected squared error only through second moments, so no sampling is needed:
the moments ``M = E[h h^T]``, ``T = E[h y^T]`` and ``m = E[h]`` of a layer determine those of the next.
The derivation is in ``docs/theory/second-moments.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from service.core.arrays import FloatArray
from service.core.problems import Moments, Network, Samples
from service.core.results import Terms

AnyArray: TypeAlias = npt.NDArray[Any]
"""Real, or complex where a derivative is taken by a complex step."""


@dataclass(frozen=True, slots=True)
class DenseParameters:
    """All weights and biases as arrays: ``weights[l]`` is (width, inputs), ``biases[l]`` (width,) or None."""

    weights: tuple[AnyArray, ...]
    biases: tuple[AnyArray | None, ...]

    @classmethod
    def without_biases(cls, weights: Sequence[AnyArray]) -> "DenseParameters":
        """Weights of a network that has no bias."""
        return cls(tuple(weights), (None,) * len(weights))


@dataclass(frozen=True, slots=True)
class _State:
    """Second moment, moment with the target and mean of what enters a layer."""

    second: AnyArray
    target: AnyArray
    mean: AnyArray


def _with_noise(second: AnyArray, variance: float) -> AnyArray:
    """``M + s diag(M)``: independent mean-one noise of variance s on every coordinate."""
    if variance == 0.0:
        return second
    noisy = second.copy()
    np.einsum("ii->i", noisy)[...] *= 1.0 + variance
    return noisy


def _input_state(moments: Moments, variance: float) -> _State:
    mean = np.zeros(moments.inputs) if moments.x_mean is None else moments.x_mean
    return _State(_with_noise(moments.xx, variance), moments.xy, mean)


def _target_mean(moments: Moments) -> FloatArray:
    return np.zeros(moments.outputs) if moments.y_mean is None else moments.y_mean


def _advance(state: _State, weight: AnyArray, bias: AnyArray | None, y_mean: FloatArray, variance: float) -> _State:
    second = weight @ state.second @ weight.T
    target = weight @ state.target
    mean = weight @ state.mean
    if bias is not None:
        cross = np.outer(mean, bias)
        second = second + cross + cross.T + np.outer(bias, bias)
        target = target + np.outer(bias, y_mean)
        mean = mean + bias
    return _State(_with_noise(second, variance), target, mean)


def _forward(network: Network, moments: Moments, parameters: DenseParameters, noisy: bool) -> list[_State]:
    y_mean = _target_mean(moments)
    states = [_input_state(moments, network.input_noise_variance if noisy else 0.0)]
    for layer, weight, bias in zip(network.layers, parameters.weights, parameters.biases, strict=True):
        states.append(_advance(states[-1], weight, bias, y_mean, layer.noise_variance if noisy else 0.0))
    return states


def _error(final: _State, yy: float) -> Any:
    return np.trace(final.second) - 2.0 * np.trace(final.target) + yy


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
    final = _forward(network, moments, parameters, noisy=True)[-1]
    return _error(final, moments.yy) + decay_of(network, parameters)


def terms_of(network: Network, moments: Moments, parameters: DenseParameters) -> Terms:
    """Split of `loss_of`: error of the mean prediction, variance by noise, and decay."""
    mean_error = _error(_forward(network, moments, parameters, noisy=False)[-1], moments.yy)
    noise = np.trace(_noise_covariance(network, moments, parameters)) if _is_noisy(network) else 0.0
    return Terms(float(mean_error), float(noise), float(decay_of(network, parameters)))


def _noise_covariance(network: Network, moments: Moments, parameters: DenseParameters) -> AnyArray:
    """Second moment that noise adds to the output, carried along on its own so that nothing cancels."""
    states = _forward(network, moments, parameters, noisy=True)
    added: AnyArray = network.input_noise_variance * np.diag(moments.xx.diagonal())
    for layer, weight, state in zip(network.layers, parameters.weights, states[1:], strict=True):
        share = layer.noise_variance / (1.0 + layer.noise_variance)
        added = weight @ added @ weight.T + share * np.diag(np.diagonal(state.second))
    return added


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
    return _reverse(network, moments, parameters, _forward(network, moments, parameters, noisy=True))


def loss_and_gradient(network: Network, moments: Moments, parameters: DenseParameters) -> tuple[float, DenseParameters]:
    """`loss_of` and `gradient_of` at real parameters from one pass."""
    states = _forward(network, moments, parameters, noisy=True)
    loss = float(_error(states[-1], moments.yy) + decay_of(network, parameters))
    return loss, _reverse(network, moments, parameters, states)


def _reverse(
    network: Network, moments: Moments, parameters: DenseParameters, states: Sequence[_State]
) -> DenseParameters:
    """The reverse of the moment recursion from the states that it went through."""
    y_mean = _target_mean(moments)
    outputs = moments.outputs
    second_adjoint: AnyArray = np.eye(outputs)
    target_adjoint: AnyArray = -2.0 * np.eye(outputs)
    mean_adjoint: AnyArray = np.zeros(outputs)
    weights: list[AnyArray] = []
    biases: list[AnyArray | None] = []
    for index in range(network.n_layers - 1, -1, -1):
        layer, weight, bias = network.layers[index], parameters.weights[index], parameters.biases[index]
        state = states[index]
        inner = _with_noise(second_adjoint, layer.noise_variance)
        weight_gradient = 2.0 * inner @ weight @ state.second + target_adjoint @ state.target.T
        weight_gradient = weight_gradient + 2.0 * layer.weight_decay * weight
        previous_mean = weight.T @ mean_adjoint
        bias_gradient: AnyArray | None = None
        if bias is not None:
            pushed = inner @ bias
            weight_gradient = weight_gradient + np.outer(2.0 * pushed + mean_adjoint, state.mean)
            bias_gradient = 2.0 * inner @ (weight @ state.mean) + 2.0 * pushed + target_adjoint @ y_mean + mean_adjoint
            bias_gradient = bias_gradient + 2.0 * _bias_decay(network, index) * bias
            previous_mean = previous_mean + 2.0 * weight.T @ pushed
        elif np.any(mean_adjoint):
            weight_gradient = weight_gradient + np.outer(mean_adjoint, state.mean)
        weights.append(weight_gradient)
        biases.append(bias_gradient)
        second_adjoint = weight.T @ inner @ weight
        target_adjoint = weight.T @ target_adjoint
        mean_adjoint = previous_mean
    return DenseParameters(tuple(reversed(weights)), tuple(reversed(biases)))


def _bias_decay(network: Network, index: int) -> float:
    return network.bias_weight_decays[index] if network.bias_weight_decays else 0.0


def end_to_end(parameters: DenseParameters) -> tuple[AnyArray, AnyArray]:
    """Mean prediction ``f(x) = W x + b``: the map (k, d) and the offset (k,)."""
    product: AnyArray = np.eye(parameters.weights[0].shape[1])
    offset: AnyArray = np.zeros(parameters.weights[0].shape[1])
    for weight, bias in zip(parameters.weights, parameters.biases, strict=True):
        product = weight @ product
        offset = weight @ offset + (0.0 if bias is None else bias)
    return product, offset


def fit_of(moments: Moments, end_to_end_map: FloatArray, offset: FloatArray) -> float:
    """Mean squared error ``E||W x + b - y||^2`` of an affine map.  O(k d^2)."""
    quadratic = float(np.sum((end_to_end_map @ moments.xx) * end_to_end_map))
    error = quadratic - 2.0 * float(np.sum(end_to_end_map * moments.xy.T)) + moments.yy
    if np.any(offset):
        x_mean = np.zeros(moments.inputs) if moments.x_mean is None else moments.x_mean
        error += float(offset @ offset + 2.0 * offset @ (end_to_end_map @ x_mean - _target_mean(moments)))
    return error


def sample_fit(samples: Samples, end_to_end_map: FloatArray, offset: FloatArray) -> float:
    """`fit_of` from the samples themselves: a small error keeps its digits.  O(n k d)."""
    residual = samples.x @ end_to_end_map.T + offset - samples.y
    total = float(np.sum(residual * residual))
    return total / len(samples.x)


def flatten(parameters: DenseParameters) -> AnyArray:
    """All weights, then all biases, in one vector."""
    pieces = [weight.ravel() for weight in parameters.weights]
    pieces += [bias.ravel() for bias in parameters.biases if bias is not None]
    return np.concatenate(pieces)


def unflatten(vector: AnyArray, like: DenseParameters) -> DenseParameters:
    """Inverse of `flatten` with the shapes of ``like``."""
    at = 0
    pieces: list[AnyArray | None] = []
    for part in (*like.weights, *like.biases):
        if part is None:
            pieces.append(None)
            continue
        pieces.append(vector[at : at + part.size].reshape(part.shape))
        at += part.size
    n_layers = len(like.weights)
    weights = tuple(piece for piece in pieces[:n_layers] if piece is not None)
    return DenseParameters(weights, tuple(pieces[n_layers:]))


def hessian_of(network: Network, moments: Moments, parameters: DenseParameters) -> FloatArray:
    """Dense Hessian, one complex step of the gradient a column; exact to rounding.

    Returns
    -------
    (P, P) array
        In the order of `flatten`.  O(P) gradients: for a few hundred parameters at most.
    """
    point = flatten(parameters)
    step = 1e-150
    columns = np.empty((point.size, point.size))
    for index in range(point.size):
        moved = point.astype(complex)
        moved[index] += 1j * step
        gradient = gradient_of(network, moments, unflatten(moved, parameters))
        columns[:, index] = flatten(gradient).imag / step
    symmetric: FloatArray = 0.5 * (columns + columns.T)
    return symmetric
