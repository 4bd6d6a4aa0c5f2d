"""A network without what is not trained at its beginning: frozen first layers, and an identity to the output."""

from dataclasses import replace

from service.core.ground.data.moments import moments_of
from service.core.ground.problems import Problem, Samples
from service.core.landscapes import hypotheses as on
from service.core.losses.nonlinear import apply
from service.vocabulary import Loss, SkipKind


def trained_part(problem: Problem) -> Problem:
    """The same loss as a function of what is trained, of a network that theorems know better; itself if there is none.

    A frozen first layer without bias and noise makes new inputs, ``x -> s(W x)``, whatever its activation.  An identity
    from the inputs to a linear output under squared loss makes new targets, ``y - x``.
    """
    return problem.once("landscapes.trained_part", lambda: _without_frozen(_without_identity(problem)))


def _without_frozen(problem: Problem) -> Problem:
    network, samples = problem.network, problem.samples
    if samples is None or network.skips or network.input_noise_variance > 0.0:
        return problem
    x, first = samples.x, 0
    for layer in network.layers[:-1]:
        if layer.frozen_weights is None or layer.noise_variance > 0.0 or network.has_bias(first):
            break
        x, first = apply(layer, x @ layer.frozen_weights.T), first + 1
    if first == 0:
        return problem
    decays = network.bias_weight_decays[first:] if network.bias_weight_decays else ()
    rest = replace(network, layers=network.layers[first:], bias_weight_decays=decays)
    return replace(
        problem,
        network=rest,
        samples=replace(samples, x=x),
        moments=moments_of(x, samples.y),
        sources=None,
        extremes=None,
    )


def _without_identity(problem: Problem) -> Problem:
    network, samples = problem.network, problem.samples
    whole = len(network.skips) == 1 and network.skips[0].kind is SkipKind.IDENTITY
    if samples is None or not whole or (network.skips[0].source, network.skips[0].target) != (0, network.n_layers):
        return problem
    squared = problem.loss in (Loss.SQUARED, Loss.WEIGHTED_SQUARED)
    if not squared or on.LINEAR_OUTPUT.check(problem).holds is not True or network.input_noise_variance > 0.0:
        return problem
    shifted: Samples = replace(samples, y=samples.y - samples.x)
    return replace(
        problem,
        network=replace(network, skips=()),
        samples=shifted,
        moments=moments_of(shifted.x, shifted.y),
        sources=None,
        extremes=None,
    )
