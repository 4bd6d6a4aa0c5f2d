"""What is proved about free features and linear variational autoencoders."""

from dataclasses import replace

from service.core.ground import examples
from service.core.ground.problems import Layer, Network, Problem
from service.core.ground.rules import Theorem
from service.core.models.unconstrained_features import feature_problem
from service.core.several_outputs.hypotheses import (
    ALL_DECAYED,
    BIAS_COMPENSATED,
    COMMON,
    NO_HIDDEN_NOISE,
    WHITE_INPUTS,
    layers_at_least,
    layers_exactly,
)
from service.vocabulary import Bias, TheoremStatus

AT_LEAST_TWO, EXACTLY_TWO = layers_at_least(2), layers_exactly(2)

_FEATURES = feature_problem((3, 2), 2, 0.01, 0.0, Network((Layer(2, weight_decay=0.01),), bias_weight_decays=(0.0,)))
_LATENT = Problem(Network((Layer(1), Layer(2)), bias_weight_decays=(0.0, 0.0)), examples.moments(2))


def _breaks(instance: Problem) -> dict[str, Problem]:
    return {
        **examples.breaks(instance),
        NO_HIDDEN_NOISE.name: examples.with_noise(instance),
        BIAS_COMPENSATED.name: examples.with_bias(instance, Bias.OUTPUT, decay=0.1),
    }


UNCONSTRAINED_FEATURES = Theorem(
    id="unconstrained-features",
    title="Free features collapse to one point a class, and only large enough classes are learned",
    statement=(
        "Features of N samples are a first layer of decay N g_H on the normalised class indicators, with singular "
        "values sqrt(n_k / N). Features are constant within a class; without a bias class k is learned iff it is among "
        "the r largest and n_k > N y_c^2, and learned class means are orthogonal; with a free output bias and balanced "
        "classes they form a simplex equiangular tight frame."
    ),
    source="Tirer, Bruna 2022 (ICML); Dang et al. 2023 (arXiv 2301.00437); Papyan, Han, Donoho 2020 (PNAS)",
    status=TheoremStatus.PROVED,
    hypotheses=(*COMMON, AT_LEAST_TWO, NO_HIDDEN_NOISE, ALL_DECAYED, WHITE_INPUTS),
    page="docs/theory/unconstrained-features.md",
    holds=_FEATURES,
    breaks={
        **_breaks(_FEATURES),
        AT_LEAST_TWO.name: replace(_FEATURES, network=replace(_FEATURES.network, layers=(Layer(2, weight_decay=0.1),))),
        ALL_DECAYED.name: examples.with_decay(_FEATURES, 0.0),
        WHITE_INPUTS.name: examples.with_moments(_FEATURES, examples.moments(2)),
    },
)

LINEAR_VAE = Theorem(
    id="linear-vae",
    title="A latent of a linear variational autoencoder is active iff it explains more than beta times the noise",
    statement=(
        "With zeta_i the singular values of E[y x^T] E[x x^T]^(-1/2) and v the decoder variance, latent i is active "
        "iff zeta_i^2 > beta v and then costs (beta/2)(1 + log(zeta_i^2/(beta v))), otherwise it equals the prior and "
        "costs zeta_i^2/(2v). The learned v is (residual + discarded)/(k - a beta) with a active latents."
    ),
    source="Lucas et al. 2019 (NeurIPS); Wang, Ziyin 2022 (NeurIPS); Tipping, Bishop 1999",
    status=TheoremStatus.PROVED,
    hypotheses=(*COMMON, EXACTLY_TWO, NO_HIDDEN_NOISE),
    page="docs/theory/autoencoders.md",
    holds=_LATENT,
    breaks={
        **_breaks(_LATENT),
        EXACTLY_TWO.name: replace(_LATENT, network=replace(_LATENT.network, layers=(Layer(2),))),
    },
    caution="The layers are encoder and decoder; the latent noise is part of the model, not noise on a hidden layer.",
)

THEOREMS = (UNCONSTRAINED_FEATURES, LINEAR_VAE)
"""In the order of the theory pages."""
