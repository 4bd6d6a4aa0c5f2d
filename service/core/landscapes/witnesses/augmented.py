"""A bad minimum that is not a minimum any more once an exponential neuron is added to the output.

For ``J~(theta, a, b) = E||f + a exp(w.x + b) - y||^2 + a^2`` the point (theta, 0) has the derivative
``2 E[e_k exp(w.x + b)]`` by ``a_k``.  With ``c`` the best factor, ``a = c exp(-b)`` descends as b grows: the minimum
has not been removed but moved to infinity.
"""

from dataclasses import replace

import numpy as np

from service.core.ground.problems import Problem
from service.core.landscapes.witnesses.cells import affine_cell, dead_units
from service.core.landscapes.witnesses.claims import Construction, WitnessClaim
from service.core.landscapes.witnesses.duplicates import split_neuron
from service.core.losses.nonlinear import loss_of, outputs_of
from service.vocabulary import Activation, Bias

_DIRECTIONS = 16
_SPREAD = 1.5
"""Largest exponent of the neuron on the data."""


def added_neuron(problem: Problem) -> Construction | None:
    """The first bad minimum that is found, with the input weights that correlate best with its errors."""
    base = _bad_minimum(problem)
    if base is None:
        return None
    samples = base.samples or problem.samples
    if samples is None:
        return None
    errors = outputs_of(problem.network, base.point, samples.x) - samples.y
    directions = np.random.default_rng(0).normal(size=(_DIRECTIONS, samples.x.shape[1]))
    reach = np.abs(samples.x @ directions.T).max(axis=0)
    directions = _SPREAD * directions / np.maximum(reach, 1e-300)[:, None]
    neurons = np.exp(samples.x @ directions.T)
    gains = np.sum((errors.T @ neurons) ** 2, axis=0) / np.sum(neurons * neurons, axis=0)
    return replace(
        base,
        id="W9",
        title=f"an exponential neuron added where {base.id} is a minimum",
        rule="R43",
        claim=WitnessClaim.MOVED_AWAY,
        exponent=directions[int(np.argmax(gains))],
    )


def _bad_minimum(problem: Problem) -> Construction | None:
    network = problem.network
    kinds = {layer.activation for layer in network.layers[:-1]}
    if network.bias is Bias.ALL and network.n_hidden:
        wide = network.outputs == 1 and min(network.hidden_widths) >= 2
        if wide and kinds <= {Activation.RELU, Activation.LEAKY_RELU}:
            found = affine_cell(problem)
            if found is not None and _is_bad(problem, found):
                return found
        if kinds == {Activation.RELU}:
            return dead_units(problem)
    return split_neuron(problem)


def _is_bad(problem: Problem, found: Construction) -> bool:
    """An affine map that fits everything is not a bad minimum."""
    if problem.samples is None or found.better is None:
        return False
    above = loss_of(problem.network, problem.loss, found.point, problem.samples)
    return above - loss_of(problem.network, problem.loss, found.better, problem.samples) > 1e-6 * above
