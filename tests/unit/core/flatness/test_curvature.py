"""The largest Hessian eigenvalue, narrow networks for wide ones, and the spectrum of the tangent kernel."""

from dataclasses import replace

import numpy as np
import pytest

from service.core.curvature.dense import hessian_of
from service.core.flatness.curvature import LargestCurvature, largest_of_hessian
from service.core.flatness.kernel import kernel_spectrum
from service.core.flatness.narrowed import dense_of, narrowed, numbers_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.parameters import FactoredMatrix, Parameters
from service.core.ground.problems import Layer, Network, Problem
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.vocabulary import Bias, Evidence
from tests.support.flat_minima import random_problem


def factored(matrix: FloatArray, rank: int) -> FactoredMatrix:
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    return FactoredMatrix(left[:, :rank], values[:rank], right[:rank].T)


def outputs_of(problem: Problem, vector: FloatArray, like: DenseParameters) -> FloatArray:
    """What the network says of each sample, (n k,), layer by layer."""
    assert problem.samples is not None
    point = unflatten(vector, like)
    values = problem.samples.x
    for weight, bias in zip(point.weights, point.biases, strict=True):
        values = values @ weight.T if bias is None else values @ weight.T + bias
    flat: FloatArray = values.ravel()
    return flat


def kernel_of_samples(problem: Problem, point: DenseParameters) -> FloatArray:
    """The tangent kernel (n k, n k) over n, from central differences of the outputs: no formula of the service."""
    vector, columns = flatten(point), []
    for index in range(vector.size):
        step = np.zeros(vector.size)
        step[index] = 1e-5
        columns.append((outputs_of(problem, vector + step, point) - outputs_of(problem, vector - step, point)) / 2e-5)
    slopes = np.column_stack(columns)
    kernel: FloatArray = slopes @ slopes.T / len(problem.samples.x if problem.samples else ())
    return kernel


@pytest.mark.parametrize("bias", [Bias.NONE, Bias.OUTPUT, Bias.ALL])
@pytest.mark.parametrize("decay", [0.0, 0.2])
def test_narrow_networks_have_the_same_sharpness(bias: Bias, decay: float) -> None:
    rng = np.random.default_rng(3)
    problem = random_problem(rng, inputs=3, widths=(7, 8, 2), bias=bias, decay=decay)
    weights = (factored(rng.normal(size=(7, 3)), 1), factored(rng.normal(size=(8, 7)), 1))
    last = factored(rng.normal(size=(2, 8)), 2)
    has = [problem.network.has_bias(index) for index in range(3)]
    biases = tuple(factored(rng.normal(size=(n, 1)), 1) if own else None for n, own in zip((7, 8, 2), has, strict=True))
    parameters = Parameters((*weights, last), biases)
    wide = np.linalg.eigvalsh(hessian_of(problem.network, problem.data, dense_of(parameters)))
    narrow, point = narrowed(problem, parameters)
    assert flatten(point).size < numbers_of(parameters)
    values = np.linalg.eigvalsh(hessian_of(narrow.network, narrow.data, point))
    # every eigenvalue is one of the wide network, its largest and least among them
    assert values[[0, -1]] == pytest.approx(wide[[0, -1]], rel=1e-9)
    assert np.max(np.min(np.abs(values[:, None] - wide), axis=1)) < 1e-9 * np.abs(wide).max()


def test_spare_units_that_decide() -> None:
    # at zero the spare unit has all the curvature: decay and the correlation
    problem = random_problem(np.random.default_rng(0), inputs=2, widths=(5, 2), decay=0.1)
    zero = Parameters((factored(np.zeros((5, 2)), 1), factored(np.zeros((2, 5)), 1)), (None, None))
    narrow, point = narrowed(problem, zero)
    found = largest_of_hessian(narrow, point)
    wide = np.linalg.eigvalsh(hessian_of(problem.network, problem.data, dense_of(zero)))
    assert isinstance(found, LargestCurvature)
    assert found.value == pytest.approx(float(wide[-1]), rel=1e-12)


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_lanczos_agrees_with_all_eigenvalues(noise: float) -> None:
    rng = np.random.default_rng(1)
    problem = random_problem(rng, inputs=6, widths=(20, 10, 4))
    layers = (replace(problem.network.layers[0], noise_variance=noise), *problem.network.layers[1:])
    problem = replace(problem, network=replace(problem.network, layers=layers))
    shapes = ((20, 6), (10, 20), (4, 10))
    point = DenseParameters.without_biases([rng.normal(size=shape) / np.sqrt(shape[1]) for shape in shapes])
    found = largest_of_hessian(problem, point)
    assert isinstance(found, LargestCurvature)
    assert found.evidence is Evidence.OBSERVED
    exact = np.linalg.eigvalsh(hessian_of(problem.network, problem.data, point))
    assert found.value == pytest.approx(float(exact[-1]), rel=1e-9)


def test_too_many_weights_have_a_reason() -> None:
    problem = random_problem(np.random.default_rng(1), inputs=2, widths=(400, 300, 1))
    point = DenseParameters.without_biases([np.zeros((400, 2)), np.zeros((300, 400)), np.zeros((1, 300))])
    assert "more than 100000" in str(largest_of_hessian(problem, point))


@pytest.mark.parametrize("bias", [Bias.NONE, Bias.OUTPUT, Bias.ALL, Bias.HIDDEN])
@pytest.mark.parametrize("widths", [(1,), (3, 1), (2, 4, 3)])
def test_the_kernel_of_random_weights(bias: Bias, widths: tuple[int, ...]) -> None:
    rng = np.random.default_rng(7)
    problem = random_problem(rng, inputs=3, widths=widths, bias=bias)
    shapes = zip(widths, (3, *widths), strict=False)
    weights = tuple(rng.normal(size=shape) for shape in shapes)
    biases = tuple(rng.normal(size=n) if problem.network.has_bias(i) else None for i, n in enumerate(widths))
    point = DenseParameters(weights, biases)
    found = kernel_spectrum(problem, point)
    assert not isinstance(found, str)
    expected = np.linalg.eigvalsh(kernel_of_samples(problem, point))[::-1]
    assert found == pytest.approx(expected[: len(found)], rel=1e-6, abs=1e-6 * expected[0])
    assert np.all(expected[len(found) :] < 1e-6 * expected[0])


def test_the_kernel_at_white_inputs_by_hand() -> None:
    # f = U W x, U = W = diag(2, 1), white inputs: eigenvalues s_i + s_j with s = (4, 1)
    problem = Problem(
        Network((Layer(2), Layer(2))), random_problem(np.random.default_rng(0), inputs=2, widths=(2, 2)).data
    )
    problem = replace(problem, moments=replace(problem.data, xx=np.eye(2)))
    found = kernel_spectrum(problem, DenseParameters.without_biases([np.diag([2.0, 1.0])] * 2))
    assert found == pytest.approx([8.0, 5.0, 5.0, 2.0], rel=1e-12)


def test_frozen_layers_have_no_part_in_it() -> None:
    rng = np.random.default_rng(4)
    problem = random_problem(rng, inputs=3, widths=(2, 1))
    weights = [rng.normal(size=(2, 3)), rng.normal(size=(1, 2))]
    frozen = (replace(problem.network.layers[0], frozen_weights=weights[0]), problem.network.layers[1])
    problem = replace(problem, network=replace(problem.network, layers=frozen))
    found = kernel_spectrum(problem, DenseParameters.without_biases(weights))
    hidden = weights[0] @ problem.data.xx @ weights[0].T
    assert found == pytest.approx(np.linalg.eigvalsh(hidden)[::-1], rel=1e-10)
