"""Dropout on a linear layer."""

from typing import Final

import numpy as np

from service.core.ground.problems import Problem
from service.core.ground.rules import Hypothesis, Judgement
from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import case, row, samples, with_layer
from service.core.landscapes.decayed_conditions import TRAINED, WHITE
from service.vocabulary import TheoremStatus


def _hidden_dropout(problem: Problem) -> Judgement:
    largest = float(np.max(problem.network.noise_variances, initial=0.0))
    return on.judged(largest > 0.0, "no hidden layer has noise", largest_noise_variance=largest)


HIDDEN_NOISE = Hypothesis("noise on the hidden layer", _hidden_dropout)
DROPOUT = row(
    "R16",
    "Dropout on one linear layer equalises",
    "For whitened inputs and dropout on the hidden layer J = E||W_2 W_1 x - y||^2 + s sum_i ||u_i||^2 "
    "||v_i||^2, and at the "
    "global minimum all products ||u_i|| ||v_i|| agree.",
    "Mianjy, Arora, Vidal, ICML 2018 (arXiv 1806.09777); Mianjy, Arora, 2019 (arXiv 1905.11887)",
    TheoremStatus.UNCONFIRMED,
    (on.LINEAR, *TRAINED, on.ONE_HIDDEN, on.SQUARED_LOSS, on.NO_BIAS, on.WHITENED, HIDDEN_NOISE),
    with_layer(case((3, 2), WHITE), 0, noise_variance=0.5),
    breaks={
        on.WHITENED: with_layer(case((3, 2), samples(12, 3, 2)), 0, noise_variance=0.5),
        HIDDEN_NOISE: case((3, 2), WHITE),
    },
    caution="claims for untied weights are not confirmed",
)

THEOREMS: Final = (DROPOUT,)
