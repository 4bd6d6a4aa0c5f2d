"""Changes of a network that make a hypothesis of a theorem true, in words and as a problem."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final, TypeAlias

from service.core.data_facts.facts import data_facts_of
from service.core.ground.problems import Layer, Network, Problem
from service.core.ground.rules import Hypothesis
from service.core.landscapes import hypotheses as on
from service.vocabulary import Activation, Bias

DECAY: Final = 1e-3
"""What is tried as a decay where there is none."""

Changed: TypeAlias = tuple[Problem, str]
"""A changed problem, and the change in words."""
Change: TypeAlias = Callable[[Problem], Iterator[Changed]]


def _with(problem: Problem, **changes: object) -> Problem:
    return replace(problem, network=replace(problem.network, **changes))  # type: ignore[arg-type]  # fields by name


def _every_layer(problem: Problem, change: Callable[[Layer], Layer]) -> Network:
    return replace(problem.network, layers=tuple(map(change, problem.network.layers)))


def _without_skips(problem: Problem) -> Iterator[Changed]:
    yield _with(problem, skips=()), "without the skip connections"


def _trained(problem: Problem) -> Iterator[Changed]:
    network = _every_layer(problem, lambda layer: replace(layer, frozen_weights=None, frozen_rest=None))
    yield replace(problem, network=network), "with every layer trained"


def _without_noise(problem: Problem) -> Iterator[Changed]:
    network = _every_layer(problem, lambda layer: replace(layer, noise_variance=0.0))
    yield replace(problem, network=replace(network, input_noise_variance=0.0)), "without noise"


def _without_decay(problem: Problem) -> Iterator[Changed]:
    network = _every_layer(problem, lambda layer: replace(layer, weight_decay=0.0))
    skips = tuple(replace(skip, weight_decay=0.0) for skip in network.skips)
    decays = (0.0,) * network.n_layers
    yield replace(problem, network=replace(network, bias_weight_decays=decays, skips=skips)), "without weight decay"


def _decayed(problem: Problem) -> Iterator[Changed]:
    least = min((layer.weight_decay for layer in problem.network.layers if layer.weight_decay > 0.0), default=DECAY)
    network = _every_layer(problem, lambda layer: replace(layer, weight_decay=layer.weight_decay or least))
    yield replace(problem, network=network), "with weight decay on every layer"
    decays = tuple(decay or least for decay in network.bias_weight_decays or (0.0,) * network.n_layers)
    changed = replace(network, bias_weight_decays=decays)
    yield replace(problem, network=changed), "with decay on every weight matrix and bias"


def _decayed_biases(problem: Problem) -> Iterator[Changed]:
    decays = tuple(decay or DECAY for decay in problem.network.bias_weight_decays or (0.0,) * problem.network.n_layers)
    yield _with(problem, bias_weight_decays=decays), "with decay on every bias"
    yield _with(problem, bias=Bias.NONE), "without biases"


def _without_biases(problem: Problem) -> Iterator[Changed]:
    yield _with(problem, bias=Bias.NONE), "without biases"


def _biased(problem: Problem) -> Iterator[Changed]:
    decays = problem.network.bias_weight_decays or (0.0,) * problem.network.n_layers
    yield _with(problem, bias=Bias.ALL, bias_weight_decays=decays), "with a bias in every layer"


def _hidden_biases_only(problem: Problem) -> Iterator[Changed]:
    yield _with(problem, bias=Bias.HIDDEN), "without the bias of the output"
    yield _with(problem, bias=Bias.NONE), "without biases"


def _linear(problem: Problem) -> Iterator[Changed]:
    network = _every_layer(problem, lambda layer: replace(layer, activation=Activation.LINEAR, slope=None))
    yield replace(problem, network=network), "with linear activations"


def _linear_output(problem: Problem) -> Iterator[Changed]:
    *hidden, last = problem.network.layers
    yield (
        _with(problem, layers=(*hidden, replace(last, activation=Activation.LINEAR, slope=None))),
        ("without the activation behind the output"),
    )


def _activation(activation: Activation, slope: float | None = None) -> Change:
    def change(problem: Problem) -> Iterator[Changed]:
        *hidden, last = problem.network.layers
        layers = (*(replace(layer, activation=activation, slope=slope) for layer in hidden), last)
        yield _with(problem, layers=layers), f"with {activation.value} activations"

    return change


def _wider(problem: Problem) -> Iterator[Changed]:
    """Hidden layers that are too narrow made as wide as one of the numbers that theorems compare widths with."""
    facts, network = data_facts_of(problem), problem.network
    n, inputs = facts.n or 0, 0 if problem.moments is None else problem.data.inputs
    wanted = {2, inputs, network.outputs, network.outputs + 1, min(inputs, network.outputs) + 1}
    wanted |= {facts.distinct or 0, n, n + 1, n * network.outputs + 1}
    *hidden, last = network.layers
    if not hidden or any(layer.frozen_weights is not None for layer in network.layers):
        return
    for width in sorted(wanted):
        # the last hidden layer alone, if that is enough; all of them otherwise
        for first in {len(hidden) - 1, 0}:
            layers = [
                replace(layer, width=max(layer.width, width)) if place >= first else layer
                for place, layer in enumerate(hidden)
            ]
            changes = [
                f"{after.width} instead of {before.width}"
                for before, after in zip(hidden, layers, strict=True)
                if before != after
            ]
            if changes:
                yield _with(problem, layers=(*layers, last)), f"with hidden width {', '.join(dict.fromkeys(changes))}"


def _named(*pairs: tuple[Hypothesis | str, tuple[Change, ...]]) -> dict[str, tuple[Change, ...]]:
    return {one if isinstance(one, str) else one.name: changes for one, changes in pairs}


CHANGES: Final = _named(
    (on.NO_SKIPS, (_without_skips,)),
    ("no skip from the inputs", (_without_skips,)),
    (on.ALL_TRAINED, (_trained,)),
    (on.NO_NOISE, (_without_noise,)),
    ("no noise, or a linear network under squared loss", (_without_noise,)),
    ("no noise, or squared loss", (_without_noise,)),
    (on.NO_DECAY, (_without_decay,)),
    (on.WEIGHTS_DECAYED, (_decayed,)),
    (on.EVERYTHING_DECAYED, (_decayed,)),
    (on.BIASES_DECAYED, (_decayed_biases,)),
    (on.NO_BIAS, (_without_biases,)),
    (on.NO_OUTPUT_BIAS, (_hidden_biases_only,)),
    (on.OFFSET_AT_OUTPUT, (_biased, _without_biases)),
    (on.ALL_BIASED, (_biased,)),
    (on.LINEAR, (_linear,)),
    (on.LINEAR_OUTPUT, (_linear_output,)),
    ("ReLU", (_activation(Activation.RELU),)),
    ("piecewise linear activations of two slopes", (_activation(Activation.RELU),)),
    ("activations homogeneous of degree one", (_activation(Activation.RELU),)),
    ("hidden activation relu or leaky_relu", (_activation(Activation.RELU),)),
    ("leaky ReLU of positive slope", (_activation(Activation.LEAKY_RELU, 0.01),)),
    ("non-polynomial activations with an affine segment", (_activation(Activation.RELU),)),
    ("strictly increasing activations onto the real line", (_activation(Activation.LEAKY_RELU, 0.01),)),
    ("hidden activations that vanish at zero", (_activation(Activation.TANH), _activation(Activation.RELU))),
    ("smooth activations", (_activation(Activation.TANH),)),
    ("smooth non-polynomial activations", (_activation(Activation.TANH),)),
    ("quadratic activation", (_activation(Activation.QUADRATIC),)),
    (on.NO_BOTTLENECK, (_wider,)),
    ("squared loss, or no bottleneck", (_wider,)),
    ("as many neurons as the feature dimension", (_wider,)),
    ("as many neurons as inputs", (_wider,)),
    ("two neurons in every hidden layer", (_wider,)),
    ("hidden layers wider than input or output", (_wider,)),
    ("hidden layers wider than the output", (_wider,)),
    ("every hidden layer of n neurons", (_wider,)),
    ("last hidden layer of n neurons", (_wider,)),
    ("more than n d_y neurons", (_wider,)),
    ("n + 1 neurons", (_wider,)),
)
"""Changes of a network, by the hypothesis that they may make true; those of data are not proposed."""
