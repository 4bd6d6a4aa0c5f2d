"""Small linear networks with two outputs on which theorems are tried, and what breaks their common hypotheses."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from service.core.ground import examples
from service.core.ground.problems import Layer, Moments, Network, Problem
from service.core.several_outputs.hypotheses import BIAS_COMPENSATED
from service.vocabulary import Bias

GENERAL = examples.moments(2)
WHITE = Moments(np.eye(2), GENERAL.xy, 2.0)
WITH_MEANS = replace(GENERAL, x_mean=np.array([0.1, 0.2]), y_mean=np.array([0.2, 0.2]))
SAME = Moments(GENERAL.xx, GENERAL.xx.copy(), float(np.trace(GENERAL.xx)), None, GENERAL.x_mean, GENERAL.x_mean)


def two_inputs(widths: tuple[int, ...], decay: float, noise: float = 0.0, moments: Moments = GENERAL) -> Problem:
    """Two inputs, the given widths, one decay everywhere and noise on the hidden layers."""
    *hidden, outputs = widths
    layers = (
        *(Layer(width, weight_decay=decay, noise_variance=noise) for width in hidden),
        Layer(outputs, weight_decay=decay),
    )
    return Problem(Network(layers, bias_weight_decays=(0.0,) * len(widths)), moments)


def breaks(instance: Problem) -> Mapping[str, Problem]:
    """What breaks the hypotheses that all rows share."""
    biased = examples.with_moments(examples.with_bias(instance, Bias.OUTPUT, decay=0.1), _means(instance.data))
    return {**examples.breaks(instance), BIAS_COMPENSATED.name: biased}


def without_means(problem: Problem) -> Problem:
    """The same data, their means not given."""
    return replace(problem, moments=replace(problem.data, x_mean=None, y_mean=None))


def _means(moments: Moments) -> Moments:
    """Second moments as they are about means that a bias would have to compensate, the centred inputs white if so."""
    mean = np.array([0.1, 0.2])
    if np.array_equal(moments.xx, np.eye(2)):
        return replace(moments, xx=np.eye(2) + np.outer(mean, mean), x_mean=mean, y_mean=np.array([0.2, 0.2]))
    return replace(moments, x_mean=mean, y_mean=mean if moments is SAME else np.array([0.2, 0.2]))
