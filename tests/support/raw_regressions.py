"""What an answer to a certified regression owes: digits of coefficients and of the residual."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tests.support.exact_truth import composed
from tests.support.nist import FITS, REQUIRED_DIGITS, Regression
from tests.support.raw_problems import RawProblem
from tests.support.raw_runs import weights_of

DEPTHS: Final = (0, 1, 2)
SAMPLES_ONLY: Final = ("Filip",)
"""Scaled condition 4e9: nothing is promised of what an upload keeps."""
FIT: Final = 1e-12
"""Share of the sum of squares of the targets that a fit without error may leave."""
LOSS: Final = 1e-9
"""Relative error of any other residual sum of squares."""
RETURN: Final = {"return": {"weights": "full", "problem": True}}


@dataclass(frozen=True)
class Row:
    """One regression, one depth, one way to send it."""

    data: Regression
    problem: RawProblem
    way: str
    answer: Mapping[str, Any]
    failures: Mapping[str, str]

    @property
    def digits(self) -> float:
        """Log relative error of the worst coefficient, as told and as the told weights compose."""
        minimum = self.answer["global_minimum"]
        (told,), told_offset = minimum["end_to_end_map"], (minimum.get("output_offset") or [0.0])[0]
        (slopes,), (offset,) = composed(*weights_of(self.answer))
        return min(
            self.data.digits(np.array(told, dtype=np.float64), float(told_offset)),
            self.data.digits(np.array([float(slope) for slope in slopes]), float(offset)),
        )

    @property
    def loss_error(self) -> float:
        """Of the residual sum of squares; relative to the sum of squares of the targets where it is zero."""
        loss, size = self.answer["global_minimum"]["loss"], float(np.sum(self.data.y**2))
        true = self.problem.truth
        assert true is not None
        return float(abs(loss - float(true))) / (size if self.data.name in FITS else float(true))

    @property
    def spared(self) -> bool:
        """Whether nothing is promised of this way."""
        return self.way == "csv" and self.data.name in SAMPLES_ONLY

    @property
    def wrong(self) -> list[str]:
        """What is not as promised."""
        found = [f"{law}: {figures}" for law, figures in self.failures.items()]
        required = REQUIRED_DIGITS[self.data.name]
        if self.digits < required and not self.spared:
            found.append(f"{self.digits:.1f} digits of {required}")
        if self.loss_error > (FIT if self.data.name in FITS else LOSS) and not self.spared:
            found.append(f"loss off by {self.loss_error:.1e}")
        return found

    def text(self) -> str:
        """One line of the table."""
        return (
            f"| {self.data.name} | {self.problem.condition:.1e} | {len(self.problem.hidden) + 1} | {self.way} | "
            f"{self.answer['status']} | {self.digits:.1f} | {REQUIRED_DIGITS[self.data.name]} | {self.loss_error:.0e} |"
        )
