"""Biases that decay: random networks against restarts of a search over all weights and biases."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from service.core.dispatch import solve
from service.vocabulary import Bias, Status
from tests.unit.core.several_outputs.test_decayed_biases import instance, searched

INSTANCES: Final = 200
RESTARTS: Final = 6
KINDS: Final = ((0, Bias.ALL), (1, Bias.ALL), (1, Bias.HIDDEN), (2, Bias.OUTPUT), (2, Bias.ALL), (3, Bias.ALL))
BELOW: Final = 1e-9


def report() -> str:
    """A row for each kind of network; raises where a restart is below a lower bound or an answer."""
    return "\n".join(
        [
            f"{INSTANCES} random networks of 1 to 3 inputs and outputs, unequal decays of weights (3e-3 to 0.3) and",
            "biases (0.01 to 1), data with means, noise on the inputs of every second network;",
            f"{RESTARTS} restarts of BFGS on all weights and biases for each.",
            "",
            "| hidden | bias | networks | certified | largest gap | restart below the answer | answer above the best |",
            "|---|---|---|---|---|---|---|",
            *_rows(),
        ]
    )


def _rows() -> Iterator[str]:
    for number, (hidden, bias) in enumerate(KINDS):
        seeds = range(1000 + number, 1000 + INSTANCES, len(KINDS))
        gaps, off, certified = [], [], 0
        for seed in seeds:
            problem = instance(seed, hidden, bias, 0.2 * (seed % 2))
            answer = solve(problem)
            best, loss = searched(problem, RESTARTS), answer.solution.minimum.loss
            if best < answer.certificate.lower_bound - BELOW * abs(best):
                raise ValueError(f"a restart is below the lower bound: {hidden} hidden layers, {bias}, seed {seed}")
            certified += answer.status is not Status.BOUNDED
            gaps.append(answer.certificate.relative_gap)
            off.append((loss - best) / max(abs(loss), 1e-300))
        below = sum(each > BELOW for each in off)
        worst = max(0.0, float(np.max(off)))
        yield (f"| {hidden} | {bias.value} | {len(seeds)} | {certified} | {max(gaps):.1e} | {below} | {worst:.1e} |")
