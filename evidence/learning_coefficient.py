"""Learning coefficients against volumes of nearly optimal weights, by sampling."""

from itertools import pairwise
from math import log
from statistics import fmean
from typing import Final

from service.core.flatness.learning_coefficient import of_sizes
from tests.support.volumes import slope_of_volume

CASES: Final = (
    ((1, 1, 1), 0),
    ((1, 1, 1, 1), 0),
    ((1, 2, 1), 0),
    ((1, 2, 2, 1), 0),
    ((2, 1, 1), 0),
    ((2, 1, 2), 1),
    ((2, 2, 1), 1),
    ((2, 2, 2), 0),
    ((1, 1, 1), 1),
    ((1, 2, 1), 1),
)
SAMPLED: Final = (
    ((1, 1, 1), 1),
    ((2, 1, 2), 1),
    ((2, 2, 1), 1),
    ((2, 3, 2), 2),
    ((1, 1, 1), 0),
    ((1, 2, 1), 0),
    ((2, 2, 2), 0),
)
CHAINS: Final = 64
N_BETA: Final = 1_000
STEP: Final = 0.02
DRAWS: Final = 12_000
COUNT: Final = 4_000_000
MOST: Final = 0.1
"""Difference beyond which a slope contradicts the formula; levels are finite."""


def report() -> str:
    """Slopes as told and as sampled.

    Raises
    ------
    RuntimeError
        If a slope is further from what is told than finite levels explain.
    """
    lines = [
        f"Weights uniform in a cube of side 1 around a balanced optimum, {COUNT:,} of them; the logarithmic slope",
        "of the volume between its shares 1e-2 and 1e-4. *Told* is that of `eps^value (-log eps)^(multiplicity - 1)`;",
        "what is left out is of the order of one over the logarithm of a level where the multiplicity is above one.",
        "",
        "| sizes | rank | value | multiplicity | slope told | sampled | standard error |",
        "|---|---|---|---|---|---|---|",
    ]
    for sizes, rank in CASES:
        value, multiplicity = of_sizes(sizes, rank)
        told, found, error = slope_of_volume(sizes, rank, float(value), multiplicity, seed=1, count=COUNT)
        if abs(told - found) > max(MOST, 4.0 * error):
            raise RuntimeError(f"{sizes}, {rank}: {told} told, {found} sampled")
        row = (" x ".join(map(str, sizes)), rank, value, multiplicity, f"{told:.3f}", f"{found:.3f}", f"{error:.3f}")
        lines.append(f"| {' | '.join(map(str, row))} |")
    return "\n".join([*lines, "", *_by_sgld()])


def _by_sgld() -> list[str]:
    """The optimiser of devinterp as a sampler, where that is installed (`pip install devinterp`)."""
    try:
        import torch  # noqa: PLC0415 - evidence alone needs it
        from devinterp.optim.sgld import SGLD  # noqa: PLC0415 - the same
    except ImportError:
        return ["devinterp is not installed here: nothing was sampled by its optimiser."]
    torch.manual_seed(0)
    lines = [
        f"The same by the SGLD of devinterp: {CHAINS} chains from the optimum in a box of side 1, n beta = {N_BETA:,},",
        f"steps of {STEP:g} / (n beta), {DRAWS:,} of them, a third left out; n beta times the mean loss. *Expected*",
        "has the next term, `value - (multiplicity - 1) / log(n beta)`. Chains that start at a singular point leave it",
        "slowly: their estimates are low.",
        "",
        "| sizes | rank | value | expected | sampled |",
        "|---|---|---|---|---|",
    ]
    for sizes, rank in SAMPLED:
        target = torch.zeros(sizes[-1], sizes[0], dtype=torch.float64)
        target[range(rank), range(rank)] = 1.0
        layers = []
        for columns, rows in pairwise(sizes):
            start = torch.zeros(CHAINS, rows, columns, dtype=torch.float64)
            start[:, range(rank), range(rank)] = 1.0
            layers.append(torch.nn.Parameter(start))
        sampler = SGLD(layers, lr=STEP / N_BETA, nbeta=float(N_BETA), bounding_box_size=0.5)
        losses = []
        for _ in range(DRAWS):
            sampler.zero_grad()
            product = layers[0]
            for layer in layers[1:]:
                product = layer @ product
            each = ((product - target) ** 2).sum(dim=(1, 2))
            losses.append(float(each.detach().mean()))
            each.sum().backward()
            sampler.step()
        value, multiplicity = of_sizes(sizes, rank)
        expected = float(value) - (multiplicity - 1) / log(N_BETA)
        sampled = N_BETA * fmean(losses[DRAWS // 3 :])
        lines.append(f"| {' x '.join(map(str, sizes))} | {rank} | {value} | {expected:.3f} | {sampled:.3f} |")
    return lines
