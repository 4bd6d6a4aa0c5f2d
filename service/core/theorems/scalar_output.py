"""What is proved about deep linear networks with one output, weight decay and multiplicative noise."""

from collections.abc import Mapping

import numpy as np

from service.core.ground import examples
from service.core.ground.hypotheses import ALL_TRAINED, BIAS_COVERED, DATA, LINEAR, NO_SKIPS, ONE_OUTPUT, SQUARED_LOSS
from service.core.ground.problems import Problem
from service.core.ground.rules import Hypothesis, Judgement, Theorem
from service.vocabulary import Bias, TheoremStatus

_SETTING = (DATA, SQUARED_LOSS, LINEAR, ONE_OUTPUT, ALL_TRAINED, NO_SKIPS, BIAS_COVERED)
_PRIORITY = "Ziyin, Li, Meng, Exact Solutions of a Deep Linear Network, NeurIPS 2022 (arXiv 2202.04777)"
_TRANSITIONS = "Ziyin, Ueda, Exact Phase Transitions in Deep Learning, 2022 (arXiv 2205.12510)"


def _all_decayed(problem: Problem) -> Judgement:
    least = float(problem.network.weight_decays.min())
    return Judgement(least > 0.0, {"least_weight_decay": least}, "" if least > 0.0 else "a layer has no decay")


def _two_hidden(problem: Problem) -> Judgement:
    count = problem.network.n_hidden
    return Judgement(count >= 2, {"hidden_layers": count}, "" if count >= 2 else "fewer than two hidden layers")


def _one_hidden(problem: Problem) -> Judgement:
    count = problem.network.n_hidden
    return Judgement(count == 1, {"hidden_layers": count}, "" if count == 1 else f"{count} hidden layers, not one")


def _noisy(problem: Problem) -> Judgement:
    largest = float(np.max(problem.network.noise_variances, initial=0.0))
    reason = "" if largest > 0.0 else "no hidden layer has noise"
    return Judgement(largest > 0.0, {"largest_noise_variance": largest}, reason)


def _no_hidden_bias(problem: Problem) -> Judgement:
    free = problem.network.bias not in (Bias.ALL, Bias.HIDDEN)
    return Judgement(free, {"bias": problem.network.bias.value}, "" if free else "hidden layers have biases")


ALL_DECAYED = Hypothesis("every layer decayed", _all_decayed)
TWO_HIDDEN = Hypothesis("at least two hidden layers", _two_hidden)
ONE_HIDDEN = Hypothesis("one hidden layer", _one_hidden)
NOISY = Hypothesis("noise on a hidden layer", _noisy)
NO_HIDDEN_BIAS = Hypothesis("no hidden bias", _no_hidden_bias)


def _breaks(instance: Problem) -> Mapping[str, Problem]:
    return {
        **examples.breaks(instance),
        ONE_OUTPUT.name: examples.with_two_outputs(instance),
        BIAS_COVERED.name: examples.with_bias(instance, Bias.OUTPUT, decay=0.1),
    }


_DEEP, _SHALLOW = examples.base(2), examples.base(1)

MINIMUM = Theorem(
    id="scalar-output",
    title="Global minimum of a deep linear network with one output",
    statement=(
        "With C = prod_i (1 + s_i/d_i) over the hidden layers and G the geometric mean of all D+1 decays, "
        "min J = min_w [C w'xx w - 2 xy.w + yy + (D+1) G ||w||^(2/(D+1))]. At every global minimiser the layers "
        "have rank one, are aligned, and pay equal decay; a layer with noise has entries of equal modulus."
    ),
    source=f"{_PRIORITY}; any widths, unequal noise and decay, biases and input noise: derived",
    status=TheoremStatus.PROVED,
    hypotheses=_SETTING,
    page="docs/theory/scalar-output.md",
    holds=_DEEP,
    breaks=_breaks(_DEEP),
)

ROOTS = Theorem(
    id="scalar-output-roots",
    title="Stationary maps are the roots of one scalar equation",
    statement=(
        "The non-zero stationary maps are w = (C xx + rho I)^(-1) xy for the roots of "
        "rho^((D+1)/D) sum_k a_k^2/(c_k + rho)^2 = G^((D+1)/D). One hidden layer: one root if ||xy|| > G, else none. "
        "Two or more: an even number, at most 2 rank(xx); rising roots are local minima, falling ones strict saddles."
    ),
    source="derived; the equation for equal layers in " + _PRIORITY,
    status=TheoremStatus.PROVED,
    hypotheses=(*_SETTING, ALL_DECAYED),
    page="docs/theory/secular-equation.md",
    holds=_DEEP,
    breaks={**_breaks(_DEEP), ALL_DECAYED.name: examples.with_decay(_DEEP, 0.0)},
)

CONTINUOUS_COLLAPSE = Theorem(
    id="scalar-output-collapse-continuous",
    title="One hidden layer collapses continuously",
    statement=(
        "The zero map is the global minimum if and only if ||xy|| <= G, whatever the noise and the width. "
        "The norm of the minimiser goes to zero continuously: a second-order transition."
    ),
    source=f"{_PRIORITY}; {_TRANSITIONS}",
    status=TheoremStatus.PROVED,
    hypotheses=(*_SETTING, ALL_DECAYED, ONE_HIDDEN),
    page="docs/theory/thresholds.md",
    holds=_SHALLOW,
    breaks={
        **_breaks(_SHALLOW),
        ALL_DECAYED.name: examples.with_decay(_SHALLOW, 0.0),
        ONE_HIDDEN.name: _DEEP,
    },
)

COLLAPSE = Theorem(
    id="scalar-output-collapse",
    title="Two or more hidden layers collapse by a jump",
    statement=(
        "There is a finite G_c such that the zero map is a global minimum if and only if G >= G_c, and there the "
        "minimiser jumps: a first-order transition. Ill-conditioned inputs can add jumps between non-zero maps "
        "before it. G_c scales as C^(-(D-1)/(D+1)), so enough noise collapses the network too."
    ),
    source=f"{_TRANSITIONS}; several jumps and the exact G_c: derived",
    status=TheoremStatus.PROVED,
    hypotheses=(*_SETTING, ALL_DECAYED, TWO_HIDDEN),
    page="docs/theory/thresholds.md",
    holds=_DEEP,
    breaks={**_breaks(_DEEP), ALL_DECAYED.name: examples.with_decay(_DEEP, 0.0), TWO_HIDDEN.name: _SHALLOW},
)

TRAP = Theorem(
    id="scalar-output-origin",
    title="With two or more hidden layers the origin traps",
    statement=(
        "For positive decays the origin is a strict local minimum with least Hessian eigenvalue 2 min g, and every "
        "gradient flow that starts with ||theta|| < sqrt(D+1) (min g / ||xy||)^(1/(D-1)) ends there. Exceeding that "
        "radius is necessary to escape, not sufficient."
    ),
    source=f"local minimum: {_PRIORITY}; radius: derived",
    status=TheoremStatus.PROVED,
    hypotheses=(*_SETTING, ALL_DECAYED, TWO_HIDDEN, NO_HIDDEN_BIAS),
    page="docs/theory/origin.md",
    holds=_DEEP,
    breaks={
        **_breaks(_DEEP),
        ALL_DECAYED.name: examples.with_decay(_DEEP, 0.0),
        TWO_HIDDEN.name: _SHALLOW,
        NO_HIDDEN_BIAS.name: examples.with_bias(_DEEP, Bias.ALL),
    },
)

SUBNETWORKS = Theorem(
    id="scalar-output-subnetworks",
    title="Switching neurons of a noisy layer off gives strict saddles",
    statement=(
        "Every non-zero stationary point of the network with fewer neurons in some noisy layers is, with zero weights "
        "for the others, a stationary point here, with the larger C of the narrower network; it is a strict saddle: "
        "turning an active neuron's weights into a silent one keeps map and decay and lowers the noise at second order."
    ),
    source="derived",
    status=TheoremStatus.PROVED,
    hypotheses=(*_SETTING, ALL_DECAYED, NOISY),
    page="docs/theory/subnetworks.md",
    holds=_DEEP,
    breaks={
        **_breaks(_DEEP),
        ALL_DECAYED.name: examples.with_decay(_DEEP, 0.0),
        NOISY.name: examples.base(2, noise=0.0),
    },
)

BOUND = Theorem(
    id="scalar-output-norm-bound",
    title="A lower bound that needs no stationary point",
    statement=(
        "On s1 <= ||w||^2 <= s2 the concave decay term lies above its chord k s + d, so that "
        "J >= yy - sum_k a_k^2/(c_k + k) + d there; splitting intervals closes the gap quadratically."
    ),
    source="derived",
    status=TheoremStatus.PROVED,
    hypotheses=_SETTING,
    page="docs/theory/norm-bound.md",
    holds=_DEEP,
    breaks=_breaks(_DEEP),
)

THEOREMS = (MINIMUM, ROOTS, CONTINUOUS_COLLAPSE, COLLAPSE, TRAP, SUBNETWORKS, BOUND)
