"""What a check of an answer says: a claimed number or word beside a recomputed one."""

from dataclasses import dataclass

import numpy as np

from service.core.arrays import FloatArray
from service.core.problems import Problem
from service.core.results import Certificate, GlobalMinimum, Solution

MOST_HESSIAN = 400
"""Parameters up to which the Hessian is formed."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A claimed number or word beside what the weights or the data give.

    Attributes
    ----------
    field : str
        Path in the answer.
    claimed, recomputed : float or str
    agrees : bool
    scales_with_loss : bool
        Whether both change with the convention of the objective.
    """

    field: str
    claimed: float | str
    recomputed: float | str
    agrees: bool
    scales_with_loss: bool = False


@dataclass(frozen=True, slots=True)
class Verification:
    """All comparisons, and the fields that were not covered with the reason."""

    comparisons: tuple[Comparison, ...]
    not_covered: dict[str, str]

    @property
    def agrees(self) -> bool:
        """Whether every covered field agrees."""
        return all(comparison.agrees for comparison in self.comparisons)


@dataclass(frozen=True, slots=True)
class ClaimedAnswer:
    """A claimed answer to a problem, in the core's convention."""

    problem: Problem
    solution: Solution
    certificate: Certificate

    @property
    def minimum(self) -> GlobalMinimum:
        """The claimed minimum."""
        return self.solution.minimum

    @property
    def unit(self) -> float:
        """What errors of losses are relative to."""
        return max(abs(self.minimum.loss), 1e-6 * self.problem.data.yy, 1e-300)


def close(field: str, claimed: float, recomputed: float, tolerance: float, *, scales: bool) -> Comparison:
    """Numbers that agree to a tolerance; ``scales`` as `Comparison.scales_with_loss`."""
    agrees = bool(abs(claimed - recomputed) <= tolerance)
    return Comparison(field, float(claimed), float(recomputed), agrees, scales)


def close_arrays(field: str, claimed: FloatArray, recomputed: FloatArray, tolerance: float) -> Comparison:
    """Arrays of one shape whose entries agree to a tolerance."""
    if claimed.shape != recomputed.shape:
        return Comparison(field, f"shape {claimed.shape}", f"shape {recomputed.shape}", agrees=False)
    worst = float(np.max(np.abs(claimed - recomputed), initial=0.0))
    return Comparison(field, "as returned", f"off by {worst:.1e}", worst <= tolerance)
