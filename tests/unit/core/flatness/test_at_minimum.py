"""Sharpness of returned weights, and what is said where the flattest minimum is not known."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from service.core.curvature.hessian import dense_hessian
from service.core.dispatch import NO_EXTRAS, Extras, solve
from service.core.flatness import at_minimum
from service.core.flatness.at_minimum import FLATTEST, ONE_ORBIT, Flatness, flatness_of
from service.core.flatness.flattest import flattest
from service.core.flatness.sharpness import sharpness_at, sharpness_of
from service.core.flatness.tangents import tangents_of
from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Moments, Network, Problem, Skip
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.losses.expected import gradient_of, terms_of
from service.vocabulary import Bias, Evidence, SkipKind
from tests.support.flatness import at_flattest, instance


def minimum_of(problem: Problem) -> tuple[DenseParameters, Flatness]:
    minima = solve(problem, Extras(reductions=True))
    parameters = minima.solution.minimum.parameters
    assert parameters is not None
    dense = DenseParameters(
        tuple(weight.dense() for weight in parameters.weights),
        tuple(None if bias is None else bias.dense()[:, 0] for bias in parameters.biases),
    )
    return dense, flatness_of(problem, minima)


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("decay", [0.0, 0.05])
@pytest.mark.parametrize("bias", [Bias.NONE, Bias.OUTPUT])
def test_sharpness_is_that_of_all_weights(layers: int, outputs: int, decay: float, bias: Bias) -> None:
    problem = instance(layers, outputs, 5, decay=decay, bias=bias, width=6)
    point, found = minimum_of(problem)
    assert found.returned is not None
    values = np.linalg.eigvalsh(dense_hessian(problem, point))
    assert found.returned.value == pytest.approx(values[-1], rel=1e-11)
    assert found.returned.evidence is Evidence.CERTIFIED


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_a_wide_layer_costs_what_it_uses(noise: float) -> None:
    narrow, wide = (instance(3, 1, 6, decay=0.05, width=width, noise=0.0) for width in (3, 1_000_000))
    sharp = []
    for problem in (narrow, wide):
        parameters = solve(problem, NO_EXTRAS).solution.minimum.parameters
        assert parameters is not None
        found = sharpness_at(problem, parameters)
        assert found is not None
        sharp.append(found.value)
    assert sharp[0] == pytest.approx(sharp[1], rel=1e-8)
    if noise:
        noisy = instance(3, 1, 6, decay=0.05, width=1_000_000, noise=noise)
        found_there = flatness_of(noisy, solve(noisy, NO_EXTRAS))
        assert found_there.returned is None
        assert found_there.reasons["sharpness"] == "more than 30,000 parameters"


def test_lanczos_agrees_with_all_eigenvalues(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = instance(3, 2, 7, decay=0.05, width=8)
    point, _ = minimum_of(problem)
    exact = sharpness_of(problem, point)
    monkeypatch.setattr("service.core.flatness.sharpness.DENSE", 10)
    lanczos = sharpness_of(problem, point)
    assert exact is not None
    assert lanczos is not None
    assert lanczos.value == pytest.approx(exact.value, rel=1e-9)
    assert lanczos.evidence is Evidence.OBSERVED
    assert lanczos.spectrum is None


def test_without_decay_the_flattest_is_known() -> None:
    _, found = minimum_of(instance(3, 1, 8, bias=Bias.OUTPUT))
    assert found.theorem == FLATTEST
    assert found.evidence is Evidence.CERTIFIED
    assert found.least is not None
    assert found.returned is not None
    assert found.least <= found.returned.value * (1.0 + 1e-12)


@pytest.mark.parametrize("problem", [instance(3, 1, 9, decay=0.05), instance(3, 1, 9, decay=0.05, noise=0.3)])
def test_with_decay_all_minima_of_one_output_are_as_sharp(problem: Problem) -> None:
    point, found = minimum_of(problem)
    assert found.theorem == ONE_ORBIT
    assert found.returned is not None
    assert found.least == found.lower_bound == found.returned.value
    rng = np.random.default_rng(0)
    for _ in range(5):
        moved = list(point.weights)
        for layer in (1, 2):
            width = moved[layer].shape[1]
            signs = np.diag(rng.choice([-1.0, 1.0], width))
            turn = (
                signs if problem.network.noise_variances.any() else np.linalg.qr(rng.standard_normal((width, width)))[0]
            )
            moved[layer - 1], moved[layer] = turn @ moved[layer - 1], moved[layer] @ turn.T
        there = np.linalg.eigvalsh(dense_hessian(problem, replace(point, weights=tuple(moved))))[-1]
        assert there == pytest.approx(found.least, rel=1e-10)


def test_two_wide_layers_of_several_outputs_are_one_orbit() -> None:
    _, found = minimum_of(instance(2, 3, 10, decay=0.05))
    assert found.theorem == ONE_ORBIT
    assert found.spectrum is not None


ONE_LAYER_DECAYS = replace(
    instance(2, 1, 11),
    network=replace(
        instance(2, 1, 11).network,
        layers=(replace(instance(2, 1, 11).network.layers[0], weight_decay=0.1), instance(2, 1, 11).network.layers[1]),
    ),
)


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (instance(3, 1, 12, noise=0.3), "a hidden layer has noise"),
        (instance(3, 3, 12, width=2), "a hidden layer is narrower, so that the residual has a part in the curvature"),
        (instance(3, 1, 12, bias=Bias.ALL), "hidden layers have biases"),
        (
            instance(3, 3, 12, decay=0.05),
            (
                "that all minima with several outputs are equally sharp is known without noise, on white inputs or for "
                "two wide layers"
            ),
        ),
    ],
    ids=["noise", "bottleneck", "hidden biases", "several outputs"],
)
def test_what_is_not_known_has_its_reason(problem: Problem, reason: str) -> None:
    _, found = minimum_of(problem)
    assert found.least is None
    assert found.lower_bound is None
    assert found.reasons["least_sharpness"] == reason


@pytest.mark.parametrize(
    ("limit", "words"), [("MOST_INPUTS", "more than 3 inputs"), ("MOST_DIRECTIONS", "more than 3 e")]
)
def test_large_maps_have_their_reason(monkeypatch: pytest.MonkeyPatch, limit: str, words: str) -> None:
    monkeypatch.setattr(at_minimum, limit, 3)
    _, found = minimum_of(instance(2, 2, 0))
    assert found.least is None
    assert words in found.reasons["least_sharpness"]


@pytest.mark.parametrize("layers", [3, 4])
def test_deep_networks_on_white_inputs_are_one_orbit(layers: int) -> None:
    problem = instance(layers, 3, 10, decay=0.02, white=True)
    point, found = minimum_of(problem)
    assert (found.theorem, found.evidence) == (ONE_ORBIT, Evidence.CERTIFIED)
    weights = list(point.weights)
    rng = np.random.default_rng(0)
    for layer in range(1, layers):
        turn = np.linalg.qr(rng.standard_normal((len(weights[layer - 1]),) * 2))[0]
        weights[layer - 1], weights[layer] = turn @ weights[layer - 1], weights[layer] @ turn.T
    there = np.linalg.eigvalsh(dense_hessian(problem, DenseParameters.without_biases(weights)))
    assert float(there[-1]) == pytest.approx(found.least, rel=1e-10)


@pytest.mark.parametrize(
    "problem",
    [
        instance(3, 3, 1, decay=0.03, white=True, width=2, inputs=3),
        instance(2, 2, 1, decay=0.05, width=3, inputs=3),
        instance(3, 1, 1, decay=0.02, width=2, inputs=3, noise=0.2),
        instance(2, 1, 1, decay=0.05, width=3, inputs=3, bias=Bias.OUTPUT),
    ],
    ids=["white bottleneck", "two layers", "noise", "bias"],
)
def test_minima_that_a_search_finds_with_decay_are_as_sharp(problem: Problem) -> None:
    point, found = minimum_of(problem)
    assert found.least is not None
    least = solve(problem, NO_EXTRAS).solution.minimum.loss

    def loss(vector: FloatArray) -> tuple[float, FloatArray]:
        at = unflatten(vector, point)
        value = terms_of(problem.network, problem.data, at).loss
        return value, np.asarray(flatten(gradient_of(problem.network, problem.data, at)), dtype=np.float64)

    rng, reached = np.random.default_rng(1), 0
    for _ in range(5):
        start = rng.standard_normal(flatten(point).size)
        options: Any = {"maxiter": 3000, "ftol": 1e-16, "gtol": 1e-10}
        ended = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
        assert ended.fun >= least * (1.0 - 1e-9)
        if ended.fun <= least * (1.0 + 1e-8):
            reached += 1
            there = np.linalg.eigvalsh(dense_hessian(problem, unflatten(ended.x, point)))[-1]
            assert there == pytest.approx(found.least, rel=1e-5)
    assert reached >= 2


def test_a_tie_at_the_bottleneck_is_not_one_orbit() -> None:
    layers = (Layer(1, weight_decay=0.1), Layer(2, weight_decay=0.1), Layer(2, weight_decay=0.1))
    _, found = minimum_of(Problem(Network(layers), Moments(np.eye(2), 3.0 * np.eye(2), 18.0)))
    assert found.least is None
    assert "not unique" in found.reasons["least_sharpness"]


@pytest.mark.parametrize("outputs", [1, 2])
def test_noise_on_inputs_is_a_part_of_them(outputs: int) -> None:
    plain = instance(3, outputs, 3)
    noisy = replace(plain, network=replace(plain.network, input_noise_variance=0.4))
    bounds, narrow, point = at_flattest(noisy)
    _, found = minimum_of(noisy)
    assert found.least == bounds.sharpness
    assert float(np.linalg.eigvalsh(dense_hessian(narrow, point))[-1]) == pytest.approx(found.least, rel=1e-10)
    assert np.linalg.norm(flatten(gradient_of(narrow.network, narrow.data, point))) < 1e-9 * bounds.sharpness


def test_a_constant_input_beside_a_bias_leaves_the_map_free() -> None:
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.standard_normal(40) + 1.0, np.full(40, 3.0)])
    y = 2.0 * x[:, :1] + rng.standard_normal((40, 1))
    network = Network((Layer(1), Layer(1)), bias=Bias.OUTPUT, bias_weight_decays=(0.0, 0.0))
    problem = Problem(network, moments_of(x, y))
    _, found = minimum_of(problem)
    assert found.returned is not None
    assert found.least is None
    assert "many maps" in found.reasons["least_sharpness"]
    # the bound of the shortest map, 28.70, is not that of all minima: this one uses the constant input
    best = tangents_of(problem).least_squares[0] + np.array([0.0, -0.65])
    offset = float(y.mean() - best @ x.mean(axis=0))
    point = DenseParameters((best[None, :] / 0.67, np.array([[0.67]])), (None, np.array([offset])))
    assert np.linalg.norm(flatten(gradient_of(network, problem.data, point))) < 1e-13
    assert np.linalg.eigvalsh(dense_hessian(problem, point))[-1] < 11.3 < flattest(tangents_of(problem)).lower_bound


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("outputs", [1, 2])
def test_inputs_that_are_zero_show_no_weight(layers: int, outputs: int) -> None:
    network = Network((*(Layer(2),) * (layers - 1), Layer(outputs)))
    _, found = minimum_of(Problem(network, Moments(np.zeros((2, 2)), np.zeros((2, outputs)), 1.0)))
    assert (found.least, found.lower_bound) == (0.0, 0.0)
    assert found.spectrum is not None
    assert not found.spectrum.size


def test_an_infimum_has_no_sharpness() -> None:
    found = flatness_of(ONE_LAYER_DECAYS, solve(ONE_LAYER_DECAYS, NO_EXTRAS))
    assert found.reasons == dict.fromkeys(("sharpness", "least_sharpness"), "no weights attain the infimum")


def test_networks_with_skips_are_not_told_of() -> None:
    problem = instance(2, 1, 13)
    skipped = replace(problem, network=replace(problem.network, skips=(Skip(0, 2, SkipKind.TRAINABLE),)))
    _, found = minimum_of(skipped)
    assert set(found.reasons.values()) == {"not told for networks with skips"}
