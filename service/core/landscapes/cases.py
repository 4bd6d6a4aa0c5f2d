"""Instances on which theorems about landscapes are tried, and the one change that breaks each shared hypothesis."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np

from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem, Samples, Skip
from service.core.ground.rules import Conclusion, Exemption, Hypothesis, Theorem
from service.core.landscapes import hypotheses
from service.vocabulary import Activation, Bias, ExemptionKind, Loss, Property, SkipKind, TheoremStatus

PROOFS: Final = "docs/theory/landscape-rules.md"
"""The page of what is proved for this catalogue."""

ALWAYS_CONVEX: Mapping[str, Exemption] = {
    hypotheses.CONVEX_LOSS.name: Exemption(
        ExemptionKind.NOT_EXPRESSIBLE, "every loss of a problem is convex and smooth"
    )
}


def samples(n: int, inputs: int, outputs: int = 1, seed: int = 0) -> Samples:
    """Unequal Gaussian inputs with targets that no affine map fits."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, inputs)) * np.linspace(1.0, 1.5, inputs)
    y = x @ rng.normal(size=(inputs, outputs)) + 0.5 * rng.normal(size=(n, outputs))
    return Samples(x, y)


def white_samples(inputs: int, y: FloatArray) -> Samples:
    """Inputs of second moment one: plus and minus each unit vector, scaled; ``y`` is (2 inputs, k)."""
    x = np.vstack([np.eye(inputs), -np.eye(inputs)]) * np.sqrt(inputs)
    return Samples(x, y)


def labelled(n: int = 6, *, separable: bool = True) -> Samples:
    """Two inputs with labels -1 and +1."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(n, 2))
    y = np.where(x[:, :1] > 0.0, 1.0, -1.0)
    x[:, :1] += 0.3 * y
    return Samples(x, y if separable else np.where(np.arange(n)[:, None] % 2 == 0, y, -y))


def case(
    widths: tuple[int, ...],
    data: Samples | None,
    *,
    activation: Activation = Activation.LINEAR,
    slope: float | None = None,
    decay: float = 0.0,
    bias: Bias = Bias.NONE,
    bias_decay: float = 0.0,
    loss: Loss = Loss.SQUARED,
    frozen_output: FloatArray | None = None,
) -> Problem:
    """A network of hidden widths and outputs with one activation throughout; a frozen output is (k, width)."""
    hidden = [Layer(width, activation, slope, decay) for width in widths[:-1]]
    last = Layer(widths[-1], weight_decay=0.0 if frozen_output is not None else decay, frozen_weights=frozen_output)
    network = Network((*hidden, last), bias=bias, bias_weight_decays=(bias_decay,) * len(widths))
    moments = None if data is None else moments_of(data.x, data.y)
    return Problem(network, moments, data, loss)


def on(problem: Problem, data: Samples | None) -> Problem:
    """The same network on other data."""
    moments = None if data is None else moments_of(data.x, data.y)
    return replace(problem, moments=moments, samples=data)


def with_network(problem: Problem, **changes: object) -> Problem:
    """The same problem, fields of its network changed."""
    return replace(problem, network=replace(problem.network, **changes))  # type: ignore[arg-type]  # by name


def with_loss(problem: Problem, loss: Loss) -> Problem:
    """The same problem under another loss."""
    return replace(problem, loss=loss)


def with_layer(problem: Problem, index: int, **changes: object) -> Problem:
    """The same problem, fields of one layer changed."""
    layers = list(problem.network.layers)
    layers[index] = replace(layers[index], **changes)  # type: ignore[arg-type]  # the fields are given by name
    return with_network(problem, layers=tuple(layers))


def with_widths(problem: Problem, *widths: int) -> Problem:
    """The same problem with other hidden widths, layers repeated as needed."""
    first, last = problem.network.layers[0], problem.network.layers[-1]
    hidden = tuple(replace(first, width=width) for width in widths)
    decays = (0.0 if not problem.network.bias_weight_decays else problem.network.bias_weight_decays[0],)
    return with_network(problem, layers=(*hidden, last), bias_weight_decays=decays * (len(widths) + 1))


def with_bias(problem: Problem, bias: Bias, decay: float = 0.0) -> Problem:
    """The same network with a bias."""
    return with_network(problem, bias=bias, bias_weight_decays=(decay,) * problem.network.n_layers)


def with_decay(problem: Problem, decay: float) -> Problem:
    """The same network, every weight matrix decayed alike."""
    return with_network(problem, layers=tuple(replace(layer, weight_decay=decay) for layer in problem.network.layers))


def repeated(problem: Problem, *, conflicting: bool = False) -> Problem:
    """The same data, the first sample given the input of the second, and its target unless they are to conflict."""
    assert problem.samples is not None  # noqa: S101  # a slip in a case of the catalogue, not in a request
    x, y = problem.samples.x.copy(), problem.samples.y.copy()
    x[0] = x[1]
    if not conflicting:
        y[0] = y[1]
    return on(problem, Samples(x, y))


def dependent(problem: Problem) -> Problem:
    """The same data, the last input replaced by the first."""
    assert problem.samples is not None  # noqa: S101  # a slip in a case of the catalogue, not in a request
    x = problem.samples.x.copy()
    x[:, -1] = x[:, 0]
    return on(problem, Samples(x, problem.samples.y))


def _frozen(problem: Problem) -> Problem:
    widths = [problem.data.inputs, *(layer.width for layer in problem.network.layers)]
    shape = next(iter(pairwise(widths)))
    return with_layer(problem, 0, frozen_weights=np.ones((shape[1], shape[0])))


CHANGES: Mapping[str, Callable[[Problem], Problem]] = {
    hypotheses.LINEAR.name: lambda problem: with_layer(problem, 0, activation=Activation.TANH),
    hypotheses.LINEAR_OUTPUT.name: lambda problem: with_layer(problem, -1, activation=Activation.TANH),
    hypotheses.NO_DECAY.name: lambda problem: with_layer(problem, 0, weight_decay=0.1),
    hypotheses.NO_NOISE.name: lambda problem: with_network(problem, input_noise_variance=0.1),
    hypotheses.NO_SKIPS.name: lambda problem: with_network(problem, skips=(Skip(0, 1, SkipKind.TRAINABLE),)),
    hypotheses.ALL_TRAINED.name: _frozen,
    hypotheses.SQUARED_LOSS.name: lambda problem: with_loss(problem, Loss.WEIGHTED_SQUARED),
    hypotheses.UNWEIGHTED.name: lambda problem: with_loss(problem, Loss.WEIGHTED_SQUARED),
    hypotheses.NO_BIAS.name: lambda problem: with_bias(problem, Bias.OUTPUT),
    hypotheses.OFFSET_AT_OUTPUT.name: lambda problem: with_bias(problem, Bias.HIDDEN),
    hypotheses.ALL_BIASED.name: lambda problem: with_bias(problem, Bias.OUTPUT),
    hypotheses.OUTPUT_BIAS.name: lambda problem: with_bias(problem, Bias.HIDDEN),
    hypotheses.HIDDEN_BIAS.name: lambda problem: with_bias(problem, Bias.OUTPUT),
    hypotheses.NO_OUTPUT_BIAS.name: lambda problem: with_bias(problem, Bias.ALL, decay=0.1),
    hypotheses.WEIGHTS_DECAYED.name: lambda problem: with_layer(problem, 0, weight_decay=0.0),
    hypotheses.EVERYTHING_DECAYED.name: lambda problem: with_layer(problem, 0, weight_decay=0.0),
    hypotheses.BIASES_DECAYED.name: lambda problem: with_bias(problem, Bias.HIDDEN, decay=0.0),
    hypotheses.DISTINCT_INPUTS.name: repeated,
    hypotheses.CONSISTENT_TARGETS.name: lambda problem: repeated(problem, conflicting=True),
    hypotheses.FULL_ROW_RANK.name: dependent,
    hypotheses.ONE_HIDDEN.name: lambda problem: with_widths(problem, *problem.network.hidden_widths * 2),
}


def row(
    rule: str,
    title: str,
    statement: str,
    source: str,
    status: TheoremStatus,
    hypotheses: tuple[Hypothesis, ...],
    holds: Problem,
    *,
    breaks: Mapping[Hypothesis, Problem] | None = None,
    exempt: Mapping[str, Exemption] | None = None,
    conclusions: tuple[Conclusion, ...] = (),
    caution: str = "",
    page: str = "docs/landscape.md",
    shared_kernels: bool = False,
) -> Theorem:
    """A row of the catalogue; a hypothesis without an instance of its own is broken by the shared change."""
    own = {hypothesis.name: problem for hypothesis, problem in (breaks or {}).items()}
    broken: dict[str, Problem] = {}
    for name in (hypothesis.name for hypothesis in hypotheses):
        if name in own:
            broken[name] = own[name]
        elif name in CHANGES and name not in (exempt or {}):
            broken[name] = CHANGES[name](holds)
    return Theorem(
        id=rule,
        title=title,
        statement=statement,
        source=source,
        status=status,
        hypotheses=hypotheses,
        page=page,
        holds=holds,
        breaks=broken,
        conclusions=conclusions,
        exempt=exempt or {},
        caution=caution,
        shared_kernels=shared_kernels,
    )


def follows(*about: Property, provided: tuple[Hypothesis, ...] = ()) -> tuple[Conclusion, ...]:
    """Properties that a theorem affirms."""
    return tuple(Conclusion(item, True, provided) for item in about)


def excludes(*about: Property, provided: tuple[Hypothesis, ...] = ()) -> tuple[Conclusion, ...]:
    """Properties that a theorem denies."""
    return tuple(Conclusion(item, False, provided) for item in about)


def not_decidable(hypothesis: Hypothesis, why: str) -> dict[str, Exemption]:
    """Exemption of a hypothesis that a problem cannot decide."""
    return {hypothesis.name: Exemption(ExemptionKind.NOT_DECIDABLE, why)}


def not_expressible(hypothesis: Hypothesis, why: str) -> dict[str, Exemption]:
    """Exemption of a hypothesis on which all problems agree."""
    return {hypothesis.name: Exemption(ExemptionKind.NOT_EXPRESSIBLE, why)}


def implied_by(hypothesis: Hypothesis, other: Hypothesis) -> dict[str, Exemption]:
    """Exemption of a hypothesis that fails only together with another one."""
    return {hypothesis.name: Exemption(ExemptionKind.IMPLIED_BY, other.name)}


def undecidable(name: str, why: str) -> Hypothesis:
    """A hypothesis that no problem states: always unknown."""
    return Hypothesis(name, lambda _problem: hypotheses.unknown(why))


def unsaid(name: str, why: str) -> Hypothesis:
    """A hypothesis that is false for every problem that can be posed here."""
    return Hypothesis(name, lambda _problem: hypotheses.judged(False, why))
