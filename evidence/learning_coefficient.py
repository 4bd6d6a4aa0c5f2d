"""Learning coefficients against volumes of nearly optimal weights, by sampling."""

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
    return "\n".join(lines)
