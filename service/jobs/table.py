"""The explicit table of operations that run as jobs."""

from collections.abc import Mapping
from typing import Final

from service.jobs.heavy import analyses
from service.jobs.plans import Operation

JOB_OPERATIONS: Final[Mapping[str, Operation]] = {
    "minima": analyses.MINIMA,
}
