"""Networks with a smaller loss than the origin: explicit, so that a bad origin is known to be bad.

Deep linear: rank-one maps ``u w'`` with ``w = (xx + rho I)^-1 xy u``, their layers balanced.  With other
activations that vanish at zero: chains of one active neuron a layer, the output weights fitted.
"""

from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.landscapes.networks.collapsed import collapsed_of
from service.core.landscapes.networks.trained import below
from service.core.losses.nonlinear import apply
from service.vocabulary import Activation, Loss

VANISHING = frozenset(
    {Activation.LINEAR, Activation.RELU, Activation.LEAKY_RELU, Activation.TANH, Activation.QUADRATIC}
)
"""Activations with s(0) = 0."""

_RIDGES = np.logspace(-6.0, 4.0, 41)
_SCALES = np.logspace(-3.0, 1.5, 19)
_SHARE = 1e-9
_MOST_SAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class BelowOrigin:
    """Loss of the origin and the least loss found below or beside it."""

    at_zero: float
    found: float

    @property
    def improves(self) -> bool:
        """Whether the gain is beyond rounding."""
        return self.found < self.at_zero * (1.0 - _SHARE)


def below_origin_of(problem: Problem) -> BelowOrigin | None:
    """The best of a fixed family of networks; ``None`` where the family does not exist for the problem."""
    return problem.once("landscapes.networks.below_origin", lambda: _search(problem))


def _search(problem: Problem) -> BelowOrigin | None:
    network = problem.network
    plain = not (
        network.skips
        or network.bias_layers
        or network.input_noise_variance
        or np.any(network.noise_variances)
        or any(layer.frozen_weights is not None for layer in network.layers)
    )
    if not plain or problem.moments is None or network.n_hidden == 0:
        return None
    if problem.loss is not Loss.SQUARED:
        return _trained(problem)
    if network.layers[-1].activation is not Activation.LINEAR:
        return None
    if all(layer.activation is Activation.LINEAR for layer in network.layers):
        return _linear(problem)
    if problem.samples is not None and all(layer.activation in VANISHING for layer in network.layers):
        return _chains(problem)
    return None


def _trained(problem: Problem) -> BelowOrigin | None:
    """A network that a short descent finds, under any loss."""
    origin = collapsed_of(problem)
    if origin is None:
        return None
    better = below(problem, origin.loss)
    return BelowOrigin(origin.loss, origin.loss if better is None else better[1])


def _linear(problem: Problem) -> BelowOrigin:
    moments, network = problem.data, problem.network
    depth = network.n_layers
    decays = network.weight_decays
    log_decay = float(np.log(decays).mean()) if decays.all() else -np.inf
    spectrum = moments.spectrum
    active = spectrum.active
    if not active.any() or not moments.xy.any():
        return BelowOrigin(moments.yy, moments.yy)
    values = spectrum.values[active]
    output = np.linalg.svd(moments.xy, full_matrices=False)[2][0]
    pull = spectrum.projections[active] @ output
    # of any size, so that no square leaves double precision
    directions = pull / np.abs(pull).max() / (values + _RIDGES[:, None] * float(values.max()))
    lengths = np.linalg.norm(directions, axis=1)
    directions = directions / lengths[:, None]
    slope, curvature = directions @ pull, (directions * directions) @ values
    sizes = (slope / curvature)[:, None] * np.linspace(0.01, 1.0, 100)
    losses = moments.yy - 2.0 * slope[:, None] * sizes + curvature[:, None] * sizes * sizes
    losses = losses + depth * np.exp(log_decay + 2.0 / depth * np.log(sizes))
    return BelowOrigin(moments.yy, float(losses.min()))


def _chains(problem: Problem) -> BelowOrigin:
    assert problem.samples is not None  # noqa: S101  # `_search` has looked
    moments, network = problem.data, problem.network
    decays = network.weight_decays
    x, y = problem.samples.x[:_MOST_SAMPLES], problem.samples.y[:_MOST_SAMPLES]
    if len(x) < len(problem.samples.x):
        return BelowOrigin(moments.yy, moments.yy)
    best = moments.yy
    projected = x @ _directions(moments.xy)
    for scale in _SCALES.tolist():
        features: FloatArray = scale * projected
        cost = decays[0] * scale * scale
        for index, layer in enumerate(network.layers[:-1]):
            if index > 0:
                features = features * scale
                cost = cost + decays[index] * scale * scale
            features = apply(layer, features)
        squares = np.mean(features * features, axis=0) + decays[-1]
        gains = np.sum((y.T @ features / len(x)) ** 2, axis=0) / np.maximum(squares, np.finfo(float).tiny)
        best = min(best, float(np.min(moments.yy - gains + cost)))
        if BelowOrigin(moments.yy, best).improves:
            break
    return BelowOrigin(moments.yy, best)


def _directions(xy: FloatArray) -> FloatArray:
    """Unit input directions: plus and minus the leading ones of ``xy`` and of each axis, (d, m)."""
    leading = np.linalg.svd(xy, full_matrices=False)[0][:, :3]
    axes = np.eye(xy.shape[0])[:, :16]
    return np.hstack([leading, -leading, axes, -axes])
