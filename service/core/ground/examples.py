"""Small problems on which theorems are tried, each changing one thing of a common base."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from service.core.ground.hypotheses import ALL_TRAINED, DATA, LINEAR, NO_SKIPS, SQUARED_LOSS
from service.core.ground.problems import Layer, Moments, Network, Problem, Skip
from service.vocabulary import Activation, Bias, Loss, SkipKind

_DECAY = 0.1


def network(depth: int, *, outputs: int = 1, width: int = 3, noise: float = 0.25, decay: float = _DECAY) -> Network:
    """Linear network of ``depth`` hidden layers, all alike."""
    hidden = [Layer(width, weight_decay=decay, noise_variance=noise) for _ in range(depth)]
    layers = (*hidden, Layer(outputs, weight_decay=decay))
    return Network(layers, bias_weight_decays=(0.0,) * len(layers))


def moments(outputs: int = 1) -> Moments:
    """Two correlated inputs that are not centred."""
    xy = np.array([[0.9, 0.2], [0.4, -0.5]])[:, :outputs]
    return Moments(
        xx=np.array([[1.25, 0.5], [0.5, 1.0]]),
        xy=xy,
        yy=1.0 * outputs,
        x_mean=np.array([0.5, 0.25]),
        y_mean=np.full(outputs, 0.2),
    )


def base(depth: int = 2, **changes: float) -> Problem:
    """One output, squared loss, no bias."""
    return Problem(network(depth, **changes), moments())  # type: ignore[arg-type]  # widths are whole numbers here


def _changed(problem: Problem, **changes: Any) -> Problem:
    """The problem with some parts replaced, and without what was remembered of the others."""
    return replace(problem, **changes)


def _with_first(problem: Problem, **changes: Any) -> Problem:
    first = replace(problem.network.layers[0], **changes)
    return _changed(problem, network=replace(problem.network, layers=(first, *problem.network.layers[1:])))


def without_data(problem: Problem) -> Problem:
    """The same network without data."""
    return _changed(problem, moments=None)


def with_activation(problem: Problem) -> Problem:
    """The first layer followed by a tanh."""
    return _with_first(problem, activation=Activation.TANH)


def with_two_outputs(problem: Problem) -> Problem:
    """The same network with a second output."""
    last = replace(problem.network.layers[-1], width=2)
    layers = (*problem.network.layers[:-1], last)
    return _changed(problem, network=replace(problem.network, layers=layers), moments=moments(2))


def with_logistic_loss(problem: Problem) -> Problem:
    """The same problem under logistic loss."""
    return _changed(problem, loss=Loss.LOGISTIC)


def with_frozen_layer(problem: Problem) -> Problem:
    """The first layer not trained."""
    return _with_first(problem, frozen_weights=np.ones((problem.network.layers[0].width, 2)))


def with_skip(problem: Problem) -> Problem:
    """An identity skip over the second layer."""
    return _changed(problem, network=replace(problem.network, skips=(Skip(1, 2, SkipKind.IDENTITY),)))


def with_bias(problem: Problem, bias: Bias, decay: float = 0.0) -> Problem:
    """The same network with a bias."""
    decays = (decay,) * problem.network.n_layers
    return _changed(problem, network=replace(problem.network, bias=bias, bias_weight_decays=decays))


def with_decay(problem: Problem, decay: float) -> Problem:
    """The same network with another decay in the first layer."""
    return _with_first(problem, weight_decay=decay)


def with_noise(problem: Problem) -> Problem:
    """The same network with noise on the first layer."""
    return _with_first(problem, noise_variance=0.5)


def with_moments(problem: Problem, moments: Moments) -> Problem:
    """The same network on other data."""
    return _changed(problem, moments=moments)


def breaks(instance: Problem) -> Mapping[str, Problem]:
    """What breaks the hypotheses that all theorems on linear networks share, by their names."""
    return {
        DATA.name: without_data(instance),
        SQUARED_LOSS.name: with_logistic_loss(instance),
        LINEAR.name: with_activation(instance),
        ALL_TRAINED.name: with_frozen_layer(instance),
        NO_SKIPS.name: with_skip(instance),
    }
