"""Answers of networks with several outputs on cases that can be checked by hand or by a search."""

from dataclasses import replace

import numpy as np
import pytest

from service.core.dispatch import solve
from service.core.ground.problems import Layer, Moments, Network, Problem
from service.core.ground.results import THRESHOLDS
from service.core.losses.expected import fit_of
from service.core.several_outputs.squared_error.quadratic import quadratic_of
from service.errors import NotCovered
from service.vocabulary import Activation, Bias, PointClass, PointKind, Status
from tests.support import outputs_instances as families
from tests.support.outputs_instances import Shape, network_of, random_moments, white_moments
from tests.support.outputs_search import search

WHITE = Moments(np.eye(2), np.diag([3.0, 2.0]), 13.0)


def decayed(problem: Problem, factor: float) -> Problem:
    layers = tuple(replace(layer, weight_decay=factor * layer.weight_decay) for layer in problem.network.layers)
    return replace(problem, network=replace(problem.network, layers=layers))


class TestNoise:
    def test_biases_everywhere_take_the_mean_off_the_noise(self) -> None:
        rng = np.random.default_rng(5)
        shape = Shape(3, (4,), 2)
        moments = random_moments(rng, shape)
        biased = Problem(network_of(shape, [0.0, 0.0], [0.5], bias=Bias.ALL), moments)
        minima = solve(biased)
        assert minima.status is Status.EXACT
        assert search(biased, 0, 8)[0] == pytest.approx(minima.solution.minimum.loss, rel=1e-8)

    def test_output_bias_alone_with_noise_and_decay_is_not_covered_and_says_why(self) -> None:
        rng = np.random.default_rng(6)
        shape = Shape(3, (4,), 2)
        free = Problem(network_of(shape, [0.0, 0.0], [0.5], bias=Bias.OUTPUT), random_moments(rng, shape))
        assert solve(free).solution.solver == "uncentred_noise"
        problem = replace(free, network=network_of(shape, [0.1, 0.1], [0.5], bias=Bias.OUTPUT))
        with pytest.raises(NotCovered) as caught:
            solve(problem)
        reasons = {attempt.name: attempt.failed for attempt in caught.value.attempts}
        assert "hidden noise depends on the mean" in reasons["dropout"]["biases reduce to centring"]


class TestThresholds:
    @pytest.mark.parametrize("seed", range(10))
    @pytest.mark.parametrize("family", ["decayed_white", "two_layers_decayed", "rank_one", "autoencoder"])
    def test_collapse_is_sharp(self, family: str, seed: int) -> None:
        problem = getattr(families, family)(np.random.default_rng(seed))
        thresholds = solve(problem).solution.thresholds
        scale = thresholds.critical_decay_scale
        assert scale is not None
        assert scale == thresholds.transitions[-1].decay_scale
        assert not solve(decayed(problem, scale * (1 - 1e-5))).solution.minimum.trivial
        assert solve(decayed(problem, scale * (1 + 1e-5))).solution.minimum.trivial

    @pytest.mark.parametrize("seed", range(10))
    @pytest.mark.parametrize("family", ["decayed_white", "autoencoder", "two_layer_dropout"])
    def test_every_transition_changes_the_rank_and_has_its_norms(self, family: str, seed: int) -> None:
        problem = getattr(families, family)(np.random.default_rng(seed))
        thresholds = solve(problem).solution.thresholds
        for transition in thresholds.transitions:
            before = solve(decayed(problem, transition.decay_scale * (1 - 1e-7))).solution.minimum
            after = solve(decayed(problem, transition.decay_scale * (1 + 1e-7))).solution.minimum
            assert before.rank > after.rank
            assert np.linalg.norm(before.singular_values) == pytest.approx(transition.norm_before, abs=1e-3)
            assert np.linalg.norm(after.singular_values) == pytest.approx(transition.norm_after, abs=1e-3)

    def test_missing_numbers_have_reasons(self) -> None:
        for family in ("undecayed", "decayed_white", "two_layers_decayed", "rank_one", "two_layer_dropout"):
            thresholds = solve(getattr(families, family)(np.random.default_rng(1))).solution.thresholds
            assert all(getattr(thresholds, name) is not None or thresholds.reasons[name] for name in THRESHOLDS)


class TestPoints:
    def test_undecayed_subsets_by_hand(self) -> None:
        solution = solve(Problem(network_of(Shape(2, (1,), 2), [0.0, 0.0]), WHITE)).solution
        found = {(point.kind, round(point.loss, 12), point.point_class) for point in solution.stationary_points}
        assert found == {
            (PointKind.ORIGIN, 13.0, PointClass.STRICT_SADDLE),
            (PointKind.SINGULAR_SUBSET, 4.0, PointClass.GLOBAL_MINIMUM),
            (PointKind.SINGULAR_SUBSET, 9.0, PointClass.STRICT_SADDLE),
        }

    def test_three_undecayed_layers_have_non_strict_saddles(self) -> None:
        solution = solve(Problem(network_of(Shape(2, (2, 2), 2), [0.0] * 3), WHITE)).solution
        kinds = {(str(point.label.get("subset")), point.point_class) for point in solution.stationary_points}
        assert ("[0]", PointClass.NON_STRICT_SADDLE) in kinds
        assert ("[1]", PointClass.STRICT_SADDLE) in kinds
        assert solution.origin.point_class is PointClass.NON_STRICT_SADDLE

    def test_ties_at_the_bottleneck_are_told(self) -> None:
        tied = Moments(np.eye(2), 2.0 * np.eye(2), 8.0)
        for decay in (0.0, 0.1):
            minimum = solve(Problem(network_of(Shape(2, (1,), 2), [decay] * 2), tied)).solution.minimum
            assert minimum.uniqueness.startswith("not unique")

    def test_long_lists_are_capped_and_counted(self) -> None:
        rng = np.random.default_rng(0)
        shape = Shape(12, (12,), 12)
        solution = solve(Problem(network_of(shape, [0.0, 0.0]), random_moments(rng, shape))).solution
        assert "4096 stationary values" in solution.completeness
        assert len(solution.stationary_points) <= 110


class TestOrigin:
    @pytest.mark.parametrize("seed", range(6))
    def test_barrier_lies_between_zero_and_the_minimum(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        shape = Shape(3, (3, 3), 2)
        problem = Problem(network_of(shape, [0.15, 0.2, 0.1]), white_moments(rng, shape))
        solution = solve(problem).solution
        height = solution.origin.barrier_height
        if solution.minimum.trivial or height is None:
            assert solution.minimum.trivial or solution.origin.reasons["barrier_height"]
            return
        quadratic = quadratic_of(problem)
        scale = float(np.mean(quadratic.scales))
        penalty = 3.0 * float(np.exp(np.mean(np.log(problem.network.weight_decays))))
        target = quadratic.svd[1]
        radii = np.geomspace(1e-8, float(np.linalg.norm(solution.minimum.singular_values)), 1500)
        angles = np.linspace(0.0, np.pi / 2, 400)
        best = []
        for radius in radii:
            s = radius * np.array([np.cos(angles), np.sin(angles)])
            cost = np.sum((scale * s - target[:, None]) ** 2 - target[:, None] ** 2 + penalty * s ** (2 / 3), axis=0)
            best.append(float(cost.min()))
        assert max(best) <= height * (1 + 1e-9)
        assert max(best) >= 0.99 * height

    def test_small_starts_fall_to_zero(self) -> None:
        rng = np.random.default_rng(2)
        shape = Shape(3, (3, 3), 2)
        problem = Problem(network_of(shape, [0.3, 0.2, 0.25]), random_moments(rng, shape))
        radius = solve(problem).solution.origin.escape_norm
        assert radius is not None
        assert radius == pytest.approx(np.sqrt(3.0) * 0.2 / np.linalg.norm(problem.data.xy, 2))


class TestInfima:
    @pytest.mark.parametrize("noise", [0.0, 0.4])
    def test_one_undecayed_layer_leaves_an_infimum(self, noise: float) -> None:
        rng = np.random.default_rng(3)
        shape = Shape(3, (3, 3), 2)
        moments = random_moments(rng, shape)
        half = solve(Problem(network_of(shape, [0.2, 0.0, 0.3], [noise, 0.0]), moments))
        none = solve(Problem(network_of(shape, [0.0] * 3, [noise, 0.0]), moments))
        assert not half.solution.minimum.attained
        assert half.solution.minimum.parameters is None
        assert half.solution.minimum.loss == pytest.approx(none.solution.minimum.loss, rel=1e-12)
        assert half.certificate.holds


class TestCorollaries:
    def test_ridge_on_the_product_is_ridge_regression_when_wide(self) -> None:
        rng = np.random.default_rng(4)
        shape = Shape(3, (3,), 2)
        moments = random_moments(rng, shape)
        ridged = replace(moments, xx=moments.xx + 0.7 * np.eye(3))
        wide = solve(Problem(network_of(shape, [0.0, 0.0]), ridged)).solution.minimum
        single = Network((Layer(2, weight_decay=0.7),))
        ridge = solve(Problem(single, moments)).solution.minimum
        assert wide.loss == pytest.approx(ridge.loss, rel=1e-12)
        assert wide.end_to_end_map == pytest.approx(ridge.end_to_end_map, abs=1e-11)

    def test_free_output_bias_is_centring(self) -> None:
        rng = np.random.default_rng(6)
        shape = Shape(3, (1, 2), 3)
        moments = random_moments(rng, shape)
        minimum = solve(Problem(network_of(shape, [0.0] * 3, bias=Bias.OUTPUT), moments)).solution.minimum
        assert fit_of(moments, minimum.end_to_end_map, minimum.output_offset) == pytest.approx(minimum.loss, rel=1e-10)


def test_a_refusal_names_every_failed_hypothesis() -> None:
    rng = np.random.default_rng(7)
    shape = Shape(3, (2,), 2)
    problem = Problem(network_of(shape, [0.1, 0.1]), random_moments(rng, shape))
    first = replace(problem.network.layers[0], activation=Activation.TANH)
    problem = replace(problem, network=replace(problem.network, layers=(first, problem.network.layers[1])))
    with pytest.raises(NotCovered) as caught:
        solve(problem)
    assert all("linear activations" in attempt.failed for attempt in caught.value.attempts)


@pytest.mark.parametrize("seed", range(4))
def test_open_gaps_are_told_as_bounds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = Shape(4, (4, 4, 4), 4)
    minima = solve(Problem(network_of(shape, [0.3] * 4), random_moments(rng, shape, 200.0)))
    assert minima.solution.solver == "deep_bounded"
    assert minima.certificate.lower_bound <= minima.certificate.upper_bound
    closed = minima.certificate.relative_gap <= minima.certificate.tolerance
    assert minima.status is (Status.CERTIFIED if closed else Status.BOUNDED)


def test_inputs_that_are_all_zero_leave_the_variance_of_the_targets() -> None:
    network = Network((Layer(3, noise_variance=0.3), Layer(2)), bias=Bias.OUTPUT, bias_weight_decays=(0.0, 0.0))
    moments = Moments(np.zeros((1, 1)), np.zeros((1, 2)), 2.0, 4, np.zeros(1), np.array([1.0, 0.0]))
    found = solve(Problem(network, moments))
    assert found.solution.minimum.loss == pytest.approx(1.0)
    assert found.certificate.holds
