"""What one linear layer under a convex loss has to be, each hypothesis with what decided it."""

from typing import Final

from service.core.ground.hypotheses import ALL_TRAINED, DATA, LINEAR, NO_SKIPS
from service.core.ground.problems import Problem
from service.core.ground.rules import Hypothesis, Judgement
from service.core.one_layer.parts import KNOWN


def _one_layer(problem: Problem) -> Judgement:
    count = problem.network.n_layers
    return Judgement(count == 1, {"layers": count}, "" if count == 1 else f"the network has {count} layers, not one")


def _samples(problem: Problem) -> Judgement:
    missing = problem.moments is not None and problem.samples is None
    return Judgement(not missing, {}, "the data are moments: such a loss needs the samples" if missing else "")


def _known(problem: Problem) -> Judgement:
    holds = problem.loss in KNOWN
    return Judgement(holds, {"loss": problem.loss.value}, "" if holds else f"the loss is {problem.loss.value}")


def _quiet(problem: Problem) -> Judgement:
    variance = problem.network.input_noise_variance
    return Judgement(
        variance == 0.0, {"input_noise_variance": variance}, "" if not variance else "the inputs are noisy"
    )


ONE_LAYER: Final = Hypothesis("one layer", _one_layer)
SAMPLES: Final = Hypothesis("samples of the data", _samples)
KNOWN_LOSS: Final = Hypothesis("a convex loss whose conjugate is known", _known)
QUIET: Final = Hypothesis("no noise on the inputs", _quiet)

COMMON: Final = (DATA, SAMPLES, ONE_LAYER, LINEAR, KNOWN_LOSS, ALL_TRAINED, NO_SKIPS, QUIET)
