"""Learning times against the flow by an ODE solver."""

from typing import Final

import numpy as np

from service.core.dynamics.learning_times import learned_modes
from tests.support.learning_times import aligned_start, instance, random_start, times_of_flow

PROBLEMS: Final = 50
EXACT: Final = 1e-6


def report() -> str:
    """What was measured.

    Raises
    ------
    RuntimeError
        If a time that is told to be exact is off by more than the solver.
    """
    exact = [_errors(1 + seed % 4, seed, aligned=True, white=seed % 2 == 0) for seed in range(PROBLEMS)]
    worst = max(error for errors in exact for error in errors)
    if worst > EXACT:
        raise RuntimeError(f"an exact time is off by {worst}")
    lines = [
        f"{PROBLEMS} networks of one to four layers, half with decay, aligned and balanced starts: largest relative",
        f"difference of any of {sum(map(len, exact))} half times and plateaus from LSODA (at 1e-9) **{worst:.1e}**.",
        "",
        "Two layers from normal starts, where times are told to be approximate; relative differences of half times:",
        "",
        "| inputs | deviation of a weight | directions | median | largest |",
        "|---|---|---|---|---|",
    ]
    for white in (True, False):
        for scale in (1e-4, 1e-3, 1e-2, 1e-1):
            found = np.array(
                [
                    error
                    for seed in range(PROBLEMS)
                    for error in _errors(2, seed, aligned=False, white=white, scale=scale)
                ]
            )
            kind = "white" if white else "correlated"
            lines.append(f"| {kind} | {scale:g} | {found.size} | {np.median(found):.1%} | {found.max():.1%} |")
    return "\n".join(lines)


def _errors(layers: int, seed: int, *, aligned: bool, white: bool, scale: float = 1e-3) -> list[float]:
    # correlated inputs have no start that is aligned with them: such problems are white
    problem = instance(layers, 0.02 * (seed % 2), seed, white=white or aligned)
    start = (aligned_start if aligned else random_start)(problem, seed, scale)
    modes, errors = learned_modes(problem, start), []
    end = 3.0 * max((mode.half_time or 0.0 for mode in modes), default=0.0) + 1.0
    for share, name in ((0.5, "half_time"), *(((0.1, "plateau"),) if aligned else ())):
        told = [getattr(mode, name) for mode in modes]
        wanted = [None if time is None else share * (mode.limit or 0.0) for time, mode in zip(told, modes, strict=True)]
        for time, flowed in zip(told, times_of_flow(problem, start, wanted, end), strict=True):
            if time is not None:
                errors.append(abs(time / flowed - 1.0) if flowed else 1.0)
    return errors
