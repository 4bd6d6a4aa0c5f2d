"""How large the rank of an end-to-end map can be."""

from service.core.ground.problems import Problem
from service.core.several_outputs.squared_error.quadratic import Quadratic


def rank_bound(problem: Problem, quadratic: Quadratic | None = None) -> int:
    """Largest rank of the end-to-end map that matters: hidden widths, outputs and directions of the inputs."""
    inner = quadratic.rank if quadratic is not None else problem.data.inputs
    return min((*problem.network.hidden_widths, problem.network.outputs, inner))
