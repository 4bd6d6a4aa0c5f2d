"""What is proved about deep linear networks with several outputs and weight decay on every layer."""

from service.core.ground import examples
from service.core.ground.problems import Layer, Network, Problem
from service.core.ground.rules import Theorem
from service.core.several_outputs import cases
from service.core.several_outputs.hypotheses import (
    ALL_DECAYED,
    AUTOENCODER,
    COMMON,
    NO_HIDDEN_NOISE,
    RANK_ONE,
    WHITE_INPUTS,
    WIDE_ENOUGH,
    layers_at_least,
    layers_exactly,
)
from service.vocabulary import TheoremStatus

AT_LEAST_TWO, EXACTLY_TWO = layers_at_least(2), layers_exactly(2)

_FACTORED = cases.two_inputs((3, 3, 2), 0.1, moments=cases.WHITE)
_NUCLEAR = cases.two_inputs((3, 2), 0.1)
_NARROW = cases.two_inputs((1, 3, 2), 0.1)
_DEEP = cases.two_inputs((3, 3, 2), 0.1)
_AUTO = cases.two_inputs((1, 2), 0.1, moments=cases.SAME)

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
        **cases.breaks(_FACTORED),
        AT_LEAST_TWO.name: cases.two_inputs((2,), 0.1, moments=cases.WHITE),
        NO_HIDDEN_NOISE.name: examples.with_noise(_FACTORED),
        ALL_DECAYED.name: examples.with_decay(_FACTORED, 0.0),
        WHITE_INPUTS.name: examples.with_moments(_FACTORED, cases.GENERAL),
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
        **cases.breaks(_NUCLEAR),
        EXACTLY_TWO.name: _DEEP,
        NO_HIDDEN_NOISE.name: examples.with_noise(_NUCLEAR),
        ALL_DECAYED.name: examples.with_decay(_NUCLEAR, 0.0),
        WIDE_ENOUGH.name: cases.two_inputs((1, 2), 0.1),
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
        **cases.breaks(_NARROW),
        AT_LEAST_TWO.name: Problem(
            Network((Layer(1, weight_decay=0.1),), bias_weight_decays=(0.0,)), examples.moments(1)
        ),
        NO_HIDDEN_NOISE.name: examples.with_noise(_NARROW),
        ALL_DECAYED.name: examples.with_decay(_NARROW, 0.0),
        RANK_ONE.name: _DEEP,
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
        **cases.breaks(_AUTO),
        EXACTLY_TWO.name: cases.two_inputs((1, 1, 2), 0.1, moments=cases.SAME),
        NO_HIDDEN_NOISE.name: examples.with_noise(_AUTO),
        ALL_DECAYED.name: examples.with_decay(_AUTO, 0.0),
        AUTOENCODER.name: examples.with_moments(_AUTO, cases.GENERAL),
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
        **cases.breaks(_DEEP),
        AT_LEAST_TWO.name: cases.two_inputs((2,), 0.1),
        NO_HIDDEN_NOISE.name: examples.with_noise(_DEEP),
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

THEOREMS = (FACTORISATION, NUCLEAR_NORM, RANK_ONE_BOUND, AUTOENCODERS, FRAME, ENVELOPE)
"""In the order of the theory pages."""
