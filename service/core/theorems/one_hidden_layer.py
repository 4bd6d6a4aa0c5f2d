"""One hidden layer in special settings: random slopes, or an affine target on an interval."""

from typing import Final

from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import (
    not_decidable,
    not_expressible,
    row,
    undecidable,
    unsaid,
    with_layer,
    with_widths,
)
from service.core.landscapes.cases import on as on_data
from service.core.landscapes.wide_conditions import LEAKY, LEAKY_CASE, RELU, RELU_CASE, TANH, TWO, width_against
from service.vocabulary import TheoremStatus

OVERPARAMETRISED = width_against(
    "as many first weights as samples",
    "fewer weights than samples",
    lambda problem, width, n: width * problem.data.inputs >= n,
)
RANDOM_SLOPES = unsaid("multiplicative random slopes", "noise here multiplies outputs, not slopes")
POPULATION = undecidable("population loss on an interval", "samples and moments do not determine a density")
AFFINE_TARGET = undecidable("affine target function", "the target function between the samples is not known")
SOUDRY_CARMON = row(
    "R52",
    "Leaky units with random slopes: differentiable minima have no error",
    "With d_0 d_1 >= n and multiplicative random slopes, local minima at differentiable points have zero error almost "
    "surely.",
    "Soudry, Carmon, 2016 (arXiv 1605.08361)",
    TheoremStatus.UNCONFIRMED,
    (*on.PLAIN, on.SQUARED_LOSS, on.ONE_HIDDEN, on.ONE_OUTPUT, LEAKY, OVERPARAMETRISED, RANDOM_SLOPES),
    LEAKY_CASE,
    breaks={
        LEAKY: RELU_CASE,
        on.ONE_HIDDEN: with_widths(LEAKY_CASE, 6, 6),
        on.ONE_OUTPUT: on_data(with_layer(LEAKY_CASE, 1, width=2), TWO),
        OVERPARAMETRISED: with_widths(LEAKY_CASE, 1),
    },
    exempt=not_expressible(RANDOM_SLOPES, "slopes are fixed"),
    caution="nothing about kinks",
)
CHERIDITO = row(
    "R41",
    "Affine targets on an interval: bad minima are dead",
    "For one ReLU layer, one input, one output, an affine target and the population loss, every local minimum that is "
    "not global consists of dead neurons; leaky and quadratic units have none.",
    "Cheridito, Jentzen, Rossmannek, 2022",
    TheoremStatus.CONFIRMED,
    (*on.PLAIN, on.SQUARED_LOSS, on.ONE_HIDDEN, on.ONE_OUTPUT, RELU, on.ALL_BIASED, POPULATION, AFFINE_TARGET),
    RELU_CASE,
    breaks={RELU: TANH, on.ONE_OUTPUT: on_data(with_layer(RELU_CASE, 1, width=2), TWO)},
    exempt={
        **not_decidable(POPULATION, "data are samples or moments"),
        **not_decidable(AFFINE_TARGET, "data are samples or moments"),
    },
)

THEOREMS: Final = (
    SOUDRY_CARMON,
    CHERIDITO,
)
