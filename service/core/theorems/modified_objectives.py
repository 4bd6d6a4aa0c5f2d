"""Modified objectives, very wide networks and dynamics: statements that decide no verdict on the objective itself."""

from typing import Final

import numpy as np

from service.core.ground.problems import Problem
from service.core.ground.rules import Hypothesis, Judgement
from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import (
    ALWAYS_CONVEX,
    case,
    not_decidable,
    not_expressible,
    row,
    samples,
    undecidable,
    unsaid,
    with_layer,
    with_widths,
)
from service.core.landscapes.kernel import kernel_of
from service.vocabulary import Activation, TheoremStatus


def _only_output_fixed_at_signs(problem: Problem) -> Judgement:
    layers = problem.network.layers
    frozen = layers[-1].frozen_weights
    holds = frozen is not None and bool(np.ptp(np.abs(frozen)) == 0.0) and layers[0].frozen_weights is None
    return on.judged(holds, "the output weights are not fixed at plus or minus one value")


def _unit_inputs(problem: Problem) -> Judgement:
    if problem.samples is None:
        return on.unknown(on.SAMPLES_NEEDED)
    deviation = float(np.abs(np.linalg.norm(problem.samples.x, axis=1) - 1.0).max())
    return on.judged(deviation <= 1e-9, "the inputs are not of length one", largest_deviation=deviation)


def _kernel_positive(problem: Problem) -> Judgement:
    least = kernel_of(problem)
    if least is None:
        return on.unknown("the kernel is computed for up to 300 samples of length one")
    return on.judged(least > 1e-12, "two inputs are parallel", least_eigenvalue=least)


def _twice_differentiable(problem: Problem) -> Judgement:
    kinks = {Activation.RELU, Activation.LEAKY_RELU}
    holds = all(layer.activation not in kinks for layer in problem.network.layers)
    return on.judged(holds, "an activation has a kink")


SMOOTHED_HINGE = Hypothesis(
    "a loss whose critical points are its minima",
    lambda problem: on.judged(False, "the losses here have none or do not grow with -y f", loss=problem.loss.value),
)
REALISABLE = undecidable("data that the network realises", "whether some weights fit all labels is not decided")
GENERIC_REGULARISER = unsaid("a regulariser with generic coefficients", "the regulariser here is the squared norm")
INFINITE_WIDTH = unsaid("infinite width", "networks here are finite")
FIXED_SIGNS = Hypothesis("output weights fixed at plus or minus one value", _only_output_fixed_at_signs)
UNIT_INPUTS = Hypothesis("inputs of length one", _unit_inputs)
KERNEL_POSITIVE = Hypothesis("a positive definite kernel", _kernel_positive)
ENOUGH_WIDTH = undecidable("a polynomially large width", "the constant of the bound is not specified")
SMOOTH = Hypothesis("twice differentiable objective", _twice_differentiable)
SMALL_STEP = undecidable("a step below the inverse Lipschitz constant", "a problem states no step size")
ONLY_STRICT = undecidable("only strict saddles", "see the verdict on saddles")
RELU = on.activations("ReLU", frozenset({Activation.RELU}))

_DATA = samples(6, 3)
_RELU = case((6, 1), _DATA, activation=Activation.RELU)


def _unit_case(length: float = 1.0, *, parallel: bool = False) -> Problem:
    data = samples(6, 3)
    x = length * data.x / np.linalg.norm(data.x, axis=1, keepdims=True)
    if parallel:
        x[1] = x[0]
    signs = np.where(np.arange(8) % 2 == 0, 1.0, -1.0)[None, :] / np.sqrt(8.0)
    return case((8, 1), type(data)(x, data.y), activation=Activation.RELU, frozen_output=signs)


_UNIT = _unit_case()

EXPONENTIAL_NEURON = row(
    "R42",
    "One exponential neuron removes bad minima of classification",
    "For J~ = E l(-y (f + a exp(w.x + b))) + (lam/2) a^2 with a smoothed hinge l and data that f can realise, every "
    "local minimum has a = 0, no error, and is a global minimum of J.",
    "Liang, Sun, Lee, Srikant, NeurIPS 2018 (arXiv 1805.08671)",
    TheoremStatus.UNCONFIRMED,
    (on.ONE_OUTPUT, SMOOTHED_HINGE, REALISABLE),
    _RELU,
    breaks={on.ONE_OUTPUT: case((6, 2), samples(6, 3, 2), activation=Activation.RELU)},
    exempt={
        **not_expressible(SMOOTHED_HINGE, "no such loss is offered"),
        **not_decidable(REALISABLE, "not decided here"),
    },
    caution="logistic loss is not of this kind, and the statement is about J~, not about J",
)
EXPONENTIAL_NEURONS = row(
    "R43",
    "One exponential neuron for each output removes bad minima",
    "For J~ with f_k + a_k exp(w_k.x + b_k) and lam ||a||^2 added, a convex differentiable loss and equal "
    "targets for equal "
    "inputs, every local minimum of J~ has a = 0 and is a global minimum of J.",
    "Kawaguchi, Kaelbling, AISTATS 2020 (arXiv 1901.00279)",
    TheoremStatus.UNCONFIRMED,
    (on.CONVEX_LOSS, on.CONSISTENT_TARGETS),
    _RELU,
    exempt=ALWAYS_CONVEX,
    caution="about J~, not about J: bad minima move to infinity, and no algorithm is cured",
)
REGULARISERS = row(
    "R45",
    "A suitable regulariser removes bad minima and paths to infinity",
    "For overparametrised networks and a regulariser with generic coefficients there is no bad local minimum and no "
    "decreasing path to infinity.",
    "Liang, Sun, Srikant, SIAM J. Optim. 2022 (arXiv 1912.13472)",
    TheoremStatus.UNCONFIRMED,
    (on.SOME_HIDDEN, GENERIC_REGULARISER),
    _RELU,
    breaks={on.SOME_HIDDEN: case((1,), _DATA)},
    exempt=not_expressible(GENERIC_REGULARISER, "decay is the squared norm"),
    caution="never for plain weight decay",
)
TANGENT_KERNEL = row(
    "R48",
    "Infinitely wide networks follow a fixed kernel",
    "As the widths go to infinity in the tangent-kernel scaling, gradient flow on the network is kernel "
    "gradient descent; "
    "it converges to zero loss if the limit kernel is positive definite.",
    "Jacot, Gabriel, Hongler, NeurIPS 2018 (arXiv 1806.07572)",
    TheoremStatus.UNCONFIRMED,
    (on.SQUARED_LOSS, on.SOME_HIDDEN, SMOOTH, INFINITE_WIDTH),
    case((6, 1), _DATA, activation=Activation.TANH),
    breaks={on.SOME_HIDDEN: case((1,), _DATA), SMOOTH: _RELU},
    exempt=not_expressible(INFINITE_WIDTH, "a width is a number"),
    caution="a limit: nothing follows for a finite width",
)
DU_ZHAI = row(
    "R49",
    "Two-layer ReLU with fixed signs: linear convergence when wide",
    "For unit inputs, lam0 = lambda_min(H) > 0 with H_ij = x_i.x_j (pi - arccos(x_i.x_j))/(2 pi) and width of order "
    "n^6/(lam0^4 delta^3), gradient descent shrinks ||u - y||^2 by (1 - eta lam0/2) a step with probability 1 - delta.",
    "Du, Zhai, Poczos, Singh, ICLR 2019 (arXiv 1810.02054)",
    TheoremStatus.UNCONFIRMED,
    (
        on.SQUARED_LOSS,
        on.ONE_HIDDEN,
        on.ONE_OUTPUT,
        RELU,
        on.NO_BIAS,
        on.NO_DECAY,
        FIXED_SIGNS,
        UNIT_INPUTS,
        KERNEL_POSITIVE,
        ENOUGH_WIDTH,
    ),
    _UNIT,
    breaks={
        on.ONE_OUTPUT: case(
            (8, 2),
            type(_DATA)(_UNIT.samples.x if _UNIT.samples else _DATA.x, samples(6, 3, 2).y),
            activation=Activation.RELU,
            frozen_output=np.ones((2, 8)),
        ),
        RELU: with_layer(_UNIT, 0, activation=Activation.TANH),
        FIXED_SIGNS: with_layer(_UNIT, 1, frozen_weights=np.arange(8.0)[None, :]),
        UNIT_INPUTS: _unit_case(length=2.0),
        KERNEL_POSITIVE: _unit_case(parallel=True),
        on.ONE_HIDDEN: with_widths(_UNIT, 8, 8),
    },
    exempt=not_decidable(ENOUGH_WIDTH, "constants are not specified"),
    caution="lam0 is reported; for a finite width nothing is claimed",
)
ALLEN_ZHU = row(
    "R50",
    "Deep ReLU networks of polynomial width are trained by gradient descent",
    "For separated unit inputs and width at least a polynomial in n, L and 1/delta gradient descent reaches any loss.",
    "Allen-Zhu, Li, Song, ICML 2019 (arXiv 1811.03962)",
    TheoremStatus.UNCONFIRMED,
    (on.SQUARED_LOSS, on.SOME_HIDDEN, RELU, on.DISTINCT_INPUTS, ENOUGH_WIDTH),
    _RELU,
    breaks={on.SOME_HIDDEN: case((1,), _DATA), RELU: with_layer(_RELU, 0, activation=Activation.TANH)},
    exempt=not_decidable(ENOUGH_WIDTH, "constants are not specified"),
    caution="the polynomial is astronomically large",
)
STRICT_SADDLES = row(
    "R51",
    "Gradient descent avoids strict saddles",
    "If the objective is twice differentiable, all saddles are strict and the step is below the inverse Lipschitz "
    "constant of the gradient, gradient descent almost surely does not converge to a saddle.",
    "Lee, Simchowitz, Jordan, Recht, COLT 2016 (arXiv 1602.04915)",
    TheoremStatus.CONFIRMED,
    (SMOOTH, ONLY_STRICT, SMALL_STEP),
    case((6, 1), _DATA),
    breaks={SMOOTH: _RELU},
    exempt={
        **not_decidable(SMALL_STEP, "a step belongs to an algorithm"),
        **not_decidable(ONLY_STRICT, "decided by other rules"),
    },
    caution="the gradient of a network with hidden layers is Lipschitz on bounded sets only",
)

THEOREMS: Final = (
    EXPONENTIAL_NEURON,
    EXPONENTIAL_NEURONS,
    REGULARISERS,
    TANGENT_KERNEL,
    DU_ZHAI,
    ALLEN_ZHU,
    STRICT_SADDLES,
)
