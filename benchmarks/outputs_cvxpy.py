"""The nuclear-norm problem by cvxpy with Clarabel; run as a module, one size in a process of its own with limits."""

import resource
import sys
from dataclasses import dataclass

import cvxpy as cp
import numpy as np

from benchmarks.outputs_problems import DECAY, moments_with_condition
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Moments

MEMORY_BYTES = 6 * 2**30


@dataclass(frozen=True, slots=True)
class ConeSolution:
    """What the interior-point method returns, and the seconds inside it."""

    seconds: float
    loss: float
    end_to_end_map: FloatArray


def interior_point(moments: Moments, tolerance: float) -> ConeSolution:
    """Minimise ``E||y - W x||^2 + 2 g ||W||_*`` to the relative gap ``tolerance`` by the solver's own account."""
    values, vectors = np.linalg.eigh(moments.xx)
    root = vectors * np.sqrt(values)
    target = moments.xy.T @ (vectors / np.sqrt(values))
    weights = cp.Variable((moments.outputs, moments.inputs))
    misfit = cp.sum_squares(weights @ root - target)
    problem = cp.Problem(cp.Minimize(misfit + 2.0 * DECAY * cp.normNuc(weights)))
    tolerances = dict.fromkeys(("tol_gap_rel", "tol_gap_abs", "tol_feas"), tolerance)
    problem.solve(solver=cp.CLARABEL, max_threads=1, **tolerances)
    residual = moments.yy - float(np.sum(target**2))
    found = np.asarray(weights.value, dtype=np.float64)
    return ConeSolution(float(problem.solver_stats.solve_time), float(problem.value) + residual, found)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    size = moments_with_condition(100.0, int(sys.argv[1]), int(sys.argv[2]))
    print(interior_point(size, float(sys.argv[3])).seconds)
