"""Whatever is returned has the shapes of the network: factors of weights, of biases and of skips."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from service.core.catalogue import SOLVERS
from service.core.dispatch import Extras, solve
from service.core.ground.parameters import FactoredMatrix, UniformColumn
from service.core.ground.problems import Problem, shapes_of
from service.core.ground.roles import Solver
from service.vocabulary import Bias
from tests.support import outputs_instances as families
from tests.support.instances import covered_by
from tests.support.outputs_reducible import GENERATORS

Draw = Callable[[np.random.Generator], Problem]
# a bias would not leave inputs white
BIASED: dict[str, Draw] = {
    "noise in several layers": families.noisy_general,
    "noise under an output bias": families.noise_under_a_bias,
    "no decay": families.undecayed,
    **{name: draw for name, draw in GENERATORS.items() if "white" not in name},
}


def assert_shaped(factors: FactoredMatrix, shape: tuple[int, int]) -> None:
    assert factors.shape == shape
    for side, rows in ((factors.left, shape[0]), (factors.right, shape[1])):
        found = (side.length, 1) if isinstance(side, UniformColumn) else side.shape
        assert found == (rows, factors.values.size)
    assert factors.dense().shape == shape


def assert_all_shaped(problem: Problem) -> None:
    network = problem.network
    parameters = solve(problem, Extras(reductions=True)).solution.minimum.parameters
    if parameters is None:
        return
    for weight, shape in zip(parameters.weights, shapes_of(network, problem.data.inputs), strict=True):
        assert_shaped(weight, shape)
    if parameters.biases:
        for index, (bias, layer) in enumerate(zip(parameters.biases, network.layers, strict=True)):
            assert (bias is not None) == network.has_bias(index)
            if bias is not None:
                assert_shaped(bias, (layer.width, 1))


@pytest.mark.parametrize("solver", [row[0] for row in SOLVERS], ids=lambda solver: solver.name)
def test_weights_and_biases_of_every_solver(solver: Solver) -> None:
    for problem in covered_by(solver, 5):
        assert_all_shaped(problem)


def biased(draw: Draw, count: int) -> Iterator[Problem]:
    """The first problems of a family with biases."""
    problems = (draw(np.random.default_rng(seed)) for seed in range(200))
    found = [problem for problem in problems if problem.network.bias is not Bias.NONE]
    yield from found[:count]


@pytest.mark.parametrize("name", BIASED)
def test_biases_of_every_family(name: str) -> None:
    problems = list(biased(BIASED[name], 2))
    assert problems
    for problem in problems:
        assert_all_shaped(problem)
