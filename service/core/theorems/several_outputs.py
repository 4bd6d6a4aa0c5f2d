"""What is proved about deep linear networks with several outputs."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from service.core.hypotheses import ALL_TRAINED, DATA, LINEAR, NO_SKIPS, SQUARED_LOSS
from service.core.linear.hypotheses import (
    ALL_DECAYED,
    AUTOENCODER,
    BIAS_COMPENSATED,
    BOUND_ATTAINED,
    COMMON,
    NO_DECAY,
    NO_HIDDEN_NOISE,
    NOISE_PRESENT,
    ONE_NOISY_LAYER,
    OUTPUT_BIAS_ON_MEANS,
    RANK_ONE,
    SEPARABLE,
    SOME_UNDECAYED,
    WHITE_INPUTS,
    WIDE_ENOUGH,
    layers_at_least,
    layers_exactly,
)
from service.core.problems import Layer, Moments, Network, Problem
from service.core.rules import Theorem
from service.core.theorems import examples
from service.vocabulary import Bias, TheoremStatus

AT_LEAST_TWO, EXACTLY_TWO = layers_at_least(2), layers_exactly(2)

_GENERAL = examples.moments(2)
_WHITE = Moments(np.eye(2), _GENERAL.xy, 2.0)
_SAME = Moments(_GENERAL.xx, _GENERAL.xx.copy(), float(np.trace(_GENERAL.xx)), None, _GENERAL.x_mean, _GENERAL.x_mean)


def _problem(widths: tuple[int, ...], decay: float, noise: float = 0.0, moments: Moments = _GENERAL) -> Problem:
    """Two inputs, the given widths, one decay everywhere and noise on the hidden layers."""
    *hidden, outputs = widths
    layers = (
        *(Layer(width, weight_decay=decay, noise_variance=noise) for width in hidden),
        Layer(outputs, weight_decay=decay),
    )
    return Problem(Network(layers, bias_weight_decays=(0.0,) * len(widths)), moments)


def _with_noise(problem: Problem) -> Problem:
    first = replace(problem.network.layers[0], noise_variance=0.5)
    return replace(problem, network=replace(problem.network, layers=(first, *problem.network.layers[1:])), memo={})


def _with_moments(problem: Problem, moments: Moments) -> Problem:
    return replace(problem, moments=moments, memo={})


def _breaks(instance: Problem) -> Mapping[str, Problem]:
    """What breaks the hypotheses that all rows share."""
    biased = _with_moments(examples.with_bias(instance, Bias.OUTPUT, decay=0.1), _means(instance.data))
    return {
        DATA.name: replace(examples.without_data(instance), memo={}),
        SQUARED_LOSS.name: replace(examples.with_logistic_loss(instance), memo={}),
        LINEAR.name: replace(examples.with_activation(instance), memo={}),
        ALL_TRAINED.name: replace(examples.with_frozen_layer(instance), memo={}),
        NO_SKIPS.name: replace(examples.with_skip(instance), memo={}),
        BIAS_COMPENSATED.name: biased,
    }


def _means(moments: Moments) -> Moments:
    """Second moments as they are about means that a bias would have to compensate, the centred inputs white if so."""
    mean = np.array([0.1, 0.2])
    if np.array_equal(moments.xx, np.eye(2)):
        return replace(moments, xx=np.eye(2) + np.outer(mean, mean), x_mean=mean, y_mean=np.array([0.2, 0.2]))
    return replace(moments, x_mean=mean, y_mean=mean if moments is _SAME else np.array([0.2, 0.2]))


_UNDECAYED = _problem((3, 2), 0.0)
_FACTORED = _problem((3, 3, 2), 0.1, moments=_WHITE)
_NUCLEAR = _problem((3, 2), 0.1)
_NARROW = _problem((1, 3, 2), 0.1)
_NOISY = _problem((3, 2), 0.0, 0.5)
_DEEP = _problem((3, 3, 2), 0.1)
_AUTO = _problem((1, 2), 0.1, moments=_SAME)

REDUCED_RANK = Theorem(
    id="reduced-rank",
    title="Without decay the minimum is the best map of the rank that the widths allow",
    statement=(
        "In coordinates where the inputs are white let M be the least-squares map. With r the smallest of all widths "
        "and the rank of the inputs, min J is the squared error of M plus the sum of its squared singular values "
        "beyond the r-th. If only some layers are decayed this is the infimum, attained only by the zero map."
    ),
    source="Eckart, Young 1936; Baldi, Hornik 1989 (Neural Networks 2)",
    status=TheoremStatus.PROVED,
    hypotheses=(*COMMON, NO_HIDDEN_NOISE, SOME_UNDECAYED),
    page="docs/theory/reduced-rank.md",
    holds=_UNDECAYED,
    breaks={
        **_breaks(_UNDECAYED),
        NO_HIDDEN_NOISE.name: _with_noise(_UNDECAYED),
        SOME_UNDECAYED.name: _NUCLEAR,
    },
)

SADDLES = Theorem(
    id="undecayed-saddles",
    title="Without decay every stationary point that is not global is a saddle, and pivots tell which kind",
    statement=(
        "Stationary maps keep a set S of at most r singular directions of M; the loss adds the squares of the others. "
        "A point is not strict exactly if S leads and every pivot of two layers is tightened: one of its two blocks "
        "has the rank of the whole map. Two layers have strict saddles only."
    ),
    source="Achour, Malgouyres, Gerchinovitz 2021 (arXiv 2107.13289); Kawaguchi 2016",
    status=TheoremStatus.PROVED,
    hypotheses=(*COMMON, NO_HIDDEN_NOISE, SOME_UNDECAYED, AT_LEAST_TWO),
    page="docs/theory/reduced-rank.md",
    holds=_UNDECAYED,
    breaks={
        **_breaks(_UNDECAYED),
        NO_HIDDEN_NOISE.name: _with_noise(_UNDECAYED),
        SOME_UNDECAYED.name: _NUCLEAR,
        AT_LEAST_TWO.name: _problem((2,), 0.0),
    },
)

FACTORISATION = Theorem(
    id="deep-factorisation",
    title="Decay on white inputs acts on every singular value alone",
    statement=(
        "min J = residual + sum_i min_s [(s - y_i)^2 + L G s^(2/L)] over the r leading singular values y_i, plus the "
        "squares of the others, with G the geometric mean of the decays. Every stationary point puts singular values "
        "on roots of its scalar equation; for three or more layers the leading sets are local minima."
    ),
    source="Chen, Jiang, Wang 2025 (arXiv 2506.20344); two layers: Srebro, Rennie, Jaakkola 2005; Zhou, So 2017",
    status=TheoremStatus.PROVED,
    hypotheses=(*COMMON, AT_LEAST_TWO, NO_HIDDEN_NOISE, ALL_DECAYED, WHITE_INPUTS),
    page="docs/theory/factorisation.md",
    holds=_FACTORED,
    breaks={
        **_breaks(_FACTORED),
        AT_LEAST_TWO.name: _problem((2,), 0.1, moments=_WHITE),
        NO_HIDDEN_NOISE.name: _with_noise(_FACTORED),
        ALL_DECAYED.name: examples.with_decay(_FACTORED, 0.0),
        WHITE_INPUTS.name: _with_moments(_FACTORED, _GENERAL),
    },
)

NUCLEAR_NORM = Theorem(
    id="nuclear-norm",
    title="Two wide layers with decay are least squares with a nuclear norm",
    statement=(
        "min J = min_W E||W x - y||^2 + 2 sqrt(g_1 g_2) ||W||_*, a convex problem. The residual of any weights, scaled "
        "until its correlation with the inputs has spectral norm at most sqrt(g_1 g_2), gives a lower bound."
    ),
    source="Srebro, Rennie, Jaakkola 2005; Recht, Fazel, Parrilo 2010 (SIAM Review 52)",
    status=TheoremStatus.PROVED,
    hypotheses=(*COMMON, EXACTLY_TWO, NO_HIDDEN_NOISE, ALL_DECAYED, WIDE_ENOUGH),
    page="docs/theory/nuclear-norm.md",
    holds=_NUCLEAR,
    breaks={
        **_breaks(_NUCLEAR),
        EXACTLY_TWO.name: _DEEP,
        NO_HIDDEN_NOISE.name: _with_noise(_NUCLEAR),
        ALL_DECAYED.name: examples.with_decay(_NUCLEAR, 0.0),
        WIDE_ENOUGH.name: _problem((1, 2), 0.1),
    },
)

RANK_ONE_BOUND = Theorem(
    id="rank-one-bottleneck",
    title="Through a bottleneck of one the minimum is found to any gap by branch and bound on one number",
    statement=(
        "After the best output direction J depends on w alone: total - 2 ||C w|| + w'xx w + L G |w|^(2/L). On a shell "
        "of |w|^2 the last term lies above its chord, which leaves the closed form "
        "total - ||C (xx + k I)^(-1/2)||^2 + d; the gap falls with the square of the length of the shells."
    ),
    source="derived in docs/theory/rank-one.md",
    status=TheoremStatus.PROVED,
    hypotheses=(*COMMON, AT_LEAST_TWO, NO_HIDDEN_NOISE, ALL_DECAYED, RANK_ONE),
    page="docs/theory/rank-one.md",
    holds=_NARROW,
    breaks={
        **_breaks(_NARROW),
        AT_LEAST_TWO.name: Problem(
            Network((Layer(1, weight_decay=0.1),), bias_weight_decays=(0.0,)), examples.moments(1)
        ),
        NO_HIDDEN_NOISE.name: _with_noise(_NARROW),
        ALL_DECAYED.name: examples.with_decay(_NARROW, 0.0),
        RANK_ONE.name: _DEEP,
    },
)

NOISE = Theorem(
    id="noise-water-filling",
    title="Noise lowers the leading singular values by one common amount",
    statement=(
        "With nu = prod_l (1 + s_l/d_l) - 1 and T the nuclear norm in white coordinates, J is at least "
        "||W - M||^2 + nu T^2 + 2 gam T, whose minimiser keeps the singular vectors of M and takes gam + nu T off the "
        "leading singular values. Equalised factors attain it with one noisy layer, or if its rank is one."
    ),
    source="Cavazza et al. 2018 (AISTATS); Mianjy, Arora, Vidal 2018 (ICML); Mianjy, Arora 2019 (arXiv 1905.11887)",
    status=TheoremStatus.PROVED,
    hypotheses=(*COMMON, NOISE_PRESENT, SEPARABLE, BOUND_ATTAINED),
    page="docs/theory/dropout.md",
    holds=_NOISY,
    breaks={
        **_breaks(_NOISY),
        NOISE_PRESENT.name: _UNDECAYED,
        SEPARABLE.name: _problem((3, 2), 0.1, 0.5),
        BOUND_ATTAINED.name: _problem((3, 3, 2), 0.0, 0.05, _WHITE),
    },
)

_MEANS = replace(_GENERAL, x_mean=np.array([0.1, 0.2]), y_mean=np.array([0.2, 0.2]))
_NOISY_BIASED = examples.with_bias(_problem((3, 2), 0.0, 0.5, _MEANS), Bias.OUTPUT)

NOISE_UNDER_A_BIAS = Theorem(
    id="noise-under-a-bias",
    title="Noise on one hidden layer under a free output bias is a convex problem in the end-to-end map",
    statement=(
        "The bias takes the means off the error, but noise of variance s on d units sees E[x x^T] = S. With no decay "
        "and enough units, min J is the minimum over W of the squared error on the covariances plus "
        "(s/d)||W S^(1/2)||_*^2, reached by factors whose units all carry the same load."
    ),
    source="derived in docs/theory/dropout.md from Cavazza et al. 2018 (AISTATS)",
    status=TheoremStatus.PROVED,
    hypotheses=(
        DATA,
        SQUARED_LOSS,
        LINEAR,
        ALL_TRAINED,
        NO_SKIPS,
        OUTPUT_BIAS_ON_MEANS,
        ONE_NOISY_LAYER,
        NO_DECAY,
        WIDE_ENOUGH,
    ),
    page="docs/theory/dropout.md",
    holds=_NOISY_BIASED,
    breaks={
        **{name: item for name, item in _breaks(_NOISY_BIASED).items() if name != BIAS_COMPENSATED.name},
        OUTPUT_BIAS_ON_MEANS.name: examples.with_bias(_NOISY_BIASED, Bias.ALL),
        ONE_NOISY_LAYER.name: examples.with_bias(_problem((3, 2), 0.0, 0.0, _MEANS), Bias.OUTPUT),
        NO_DECAY.name: examples.with_bias(_problem((3, 2), 0.1, 0.5, _MEANS), Bias.OUTPUT),
        WIDE_ENOUGH.name: examples.with_bias(_problem((1, 2), 0.0, 0.5, _MEANS), Bias.OUTPUT),
    },
)

AUTOENCODERS = Theorem(
    id="decayed-autoencoder",
    title="A decayed two-layer autoencoder shrinks or drops every principal component",
    statement=(
        "With mu = sqrt(g_1 g_2) and q_i the eigenvalues of xx, component i within the bottleneck is kept with factor "
        "1 - mu/q_i if q_i > mu, and costs 2 mu - mu^2/q_i; all others cost q_i."
    ),
    source="Kunin, Bloom, Goeva, Seed 2019 (arXiv 1901.08168)",
    status=TheoremStatus.PROVED,
    hypotheses=(*COMMON, EXACTLY_TWO, NO_HIDDEN_NOISE, ALL_DECAYED, AUTOENCODER),
    page="docs/theory/autoencoders.md",
    holds=_AUTO,
    breaks={
        **_breaks(_AUTO),
        EXACTLY_TWO.name: _problem((1, 1, 2), 0.1, moments=_SAME),
        NO_HIDDEN_NOISE.name: _with_noise(_AUTO),
        ALL_DECAYED.name: examples.with_decay(_AUTO, 0.0),
        AUTOENCODER.name: _with_moments(_AUTO, _GENERAL),
    },
)

ENVELOPE = Theorem(
    id="envelope-bound",
    title="A lower bound for any depth, widths and inputs from any weights",
    statement=(
        "For 0 < m <= lambda_min(xx) and any W, with Z = m W - (W xx - yx), "
        "J >= fit(W) - m||W||^2 + 2<Z, W> - sum_(i<=r) max_s [2 z_i s - m s^2 - L G s^(2/L)]. It is tight where the "
        "convexified problem has singular values at zero or beyond the edge of the envelope, and honest otherwise."
    ),
    source="derived in docs/theory/deep-bounds.md; envelopes: Andersson, Carlsson, Larsson 2016",
    status=TheoremStatus.PROVED,
    hypotheses=(*COMMON, AT_LEAST_TWO, NO_HIDDEN_NOISE, ALL_DECAYED),
    page="docs/theory/deep-bounds.md",
    holds=_DEEP,
    breaks={
        **_breaks(_DEEP),
        AT_LEAST_TWO.name: _problem((2,), 0.1),
        NO_HIDDEN_NOISE.name: _with_noise(_DEEP),
        ALL_DECAYED.name: examples.with_decay(_DEEP, 0.0),
    },
)

FRAME = Theorem(
    id="frame-bound",
    title="A lower bound for any depth, widths and inputs from one matrix over the outputs",
    statement=(
        "With C = E[y x^T] and pen(s) = L G s^(2/L) let N be symmetric with 2 q^T C v - v^T xx v - pen(||v||) "
        "<= q^T N q for all v and all unit vectors q. Then J >= yy minus the sum of the r largest eigenvalues of N. "
        "A stationary map W with lanes v_i = W^T q_i names the N that would be tight, N = C W^T - sum d_i q_i q_i^T, "
        "d_i = (1 - 1/L) pen(||v_i||); chords of the penalty decide whether it dominates."
    ),
    source="derived in docs/theory/deep-bounds.md",
    status=TheoremStatus.PROVED,
    hypotheses=(*COMMON, AT_LEAST_TWO, NO_HIDDEN_NOISE, ALL_DECAYED),
    page="docs/theory/deep-bounds.md",
    holds=ENVELOPE.holds,
    breaks=ENVELOPE.breaks,
)

THEOREMS = (
    REDUCED_RANK,
    SADDLES,
    FACTORISATION,
    NUCLEAR_NORM,
    RANK_ONE_BOUND,
    NOISE,
    NOISE_UNDER_A_BIAS,
    AUTOENCODERS,
    FRAME,
    ENVELOPE,
)
"""In the order of the theory pages."""
