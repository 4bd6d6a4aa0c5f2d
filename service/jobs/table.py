"""The explicit table of operations that run as jobs."""

from collections.abc import Mapping
from typing import Final

from service.jobs.heavy import analyses, batches, connectivity, gradient_flows, races, slices, spectra, sweeps
from service.jobs.plans import Operation

JOB_OPERATIONS: Final[Mapping[str, Operation]] = {
    **analyses.ANALYSES_AS_JOBS,
    "minima_batch": batches.MINIMA_BATCH,
    "connectivity": connectivity.CONNECTIVITY,
    "gradient_flows": gradient_flows.GRADIENT_FLOWS,
    "races": races.RACES,
    "slices": slices.SLICES,
    "spectra": spectra.SPECTRA,
    "sweeps": sweeps.SWEEPS,
}
