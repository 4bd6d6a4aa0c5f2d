"""The explicit tables: which solvers there are, who certifies them, and which theorems are known.

A new solver or theorem is one new file and one row here; a test compares the tables with the folders.
"""

from typing import Final

from service.core.certificates import scalar_output as scalar_output_certificate
from service.core.rules import Theorem
from service.core.solver import Certifier, Solver
from service.core.solvers import scalar_output
from service.core.theorems import (
    landscape_decayed,
    landscape_linear,
    landscape_modified,
    landscape_negative,
    landscape_wide,
)
from service.core.theorems import scalar_output as scalar_output_theorems

SOLVERS: Final[tuple[tuple[Solver, Certifier], ...]] = ((scalar_output.SOLVER, scalar_output_certificate.certify),)
"""In the order in which dispatch asks: the strongest statement first."""

LANDSCAPE_RULES: Final[tuple[Theorem, ...]] = (
    *landscape_linear.THEOREMS,
    *landscape_decayed.THEOREMS,
    *landscape_wide.THEOREMS,
    *landscape_negative.THEOREMS,
    *landscape_modified.THEOREMS,
)
"""Theorems that decide verdicts on landscapes, or are told beside them."""

THEOREMS: Final[tuple[Theorem, ...]] = (*scalar_output_theorems.THEOREMS, *LANDSCAPE_RULES)
"""Every theorem that the service can cite."""
