"""What a check of a claimed answer reports: field by field what was claimed and what was found."""

from dataclasses import dataclass


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
