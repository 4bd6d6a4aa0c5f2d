"""A certificate does not believe the solver: wrong points and wrong losses fail it."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import pytest

from service.core import dispatch
from service.core.bounds.norm_below import LowerBound
from service.core.catalogue import SOLVERS
from service.core.certificates.scalar_output import certify
from service.core.ground.data.moments import moments_of
from service.core.ground.parameters import FactoredMatrix
from service.core.ground.problems import Layer, Moments, Network, Problem, Samples
from service.core.ground.results import Certificate, GlobalMinimum, Solution, Terms
from service.core.ground.roles import Certifier, Solver
from service.core.losses.expected import terms_of
from service.core.one_output.branches import Branches
from service.core.one_output.norm_bound import norm_bound
from service.core.one_output.reduced import reduced_of
from service.core.one_output.weights import balanced_parameters
from service.core.solvers.scalar_output import SOLVER
from service.vocabulary import PointClass, Status
from tests.support.instances import covered_by, dense
from tests.support.one_output_cases import FOUR_ROOTS, network, problem

Wrong: TypeAlias = Callable[[Problem, Solution], GlobalMinimum]


def at_map(base: Problem, solution: Solution, factor: float) -> GlobalMinimum:
    """A consistent answer at another map: weights, terms and loss all belong to it."""
    minimum = solution.minimum
    moved = minimum.end_to_end_map * factor
    parameters = balanced_parameters(base.network, base.data, moved[0])
    terms = terms_of(base.network, base.data, dense(parameters))
    return replace(
        minimum,
        parameters=parameters,
        end_to_end_map=moved,
        singular_values=minimum.singular_values * factor,
        loss=terms.loss,
        terms=terms,
    )


def wrong_loss(_: Problem, solution: Solution) -> GlobalMinimum:
    return replace(solution.minimum, loss=solution.minimum.loss * (1.0 - 1e-6))


def wrong_loss_and_terms(_: Problem, solution: Solution) -> GlobalMinimum:
    minimum, factor = solution.minimum, 1.0 - 1e-6
    terms = Terms(minimum.terms.fit * factor, minimum.terms.noise * factor, minimum.terms.decay * factor)
    return replace(minimum, loss=terms.loss, terms=terms)


def slightly_longer(base: Problem, solution: Solution) -> GlobalMinimum:
    return at_map(base, solution, 1.0 + 1e-3)


def the_origin(base: Problem, solution: Solution) -> GlobalMinimum:
    return replace(at_map(base, solution, 0.0), trivial=True, rank=0)


def unbalanced(_: Problem, solution: Solution) -> GlobalMinimum:
    parameters = solution.minimum.parameters
    assert parameters is not None
    first, second, *others = parameters.weights
    weights = (replace(first, values=first.values * 1.001), replace(second, values=second.values / 1.001), *others)
    return replace(solution.minimum, parameters=replace(parameters, weights=weights))


@pytest.mark.parametrize("wrong", [wrong_loss, wrong_loss_and_terms, slightly_longer, the_origin, unbalanced])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_lying_solver_is_caught(depth: int, wrong: Wrong, monkeypatch: pytest.MonkeyPatch) -> None:
    base = problem(depth, noise=0.25, decay=0.05)
    honest = SOLVER.solve(base)

    def lie(asked: Problem) -> Solution:
        return replace(honest, minimum=wrong(asked, honest))

    assert dispatch.solve(replace(base)).status is Status.EXACT
    monkeypatch.setattr(dispatch, "SOLVERS", ((replace(SOLVER, solve=lie), certify),))
    certificate = certify(base, lie(base))
    assert not certificate.holds
    answer = dispatch.solve(replace(base))
    # what is told of the loss is that of the weights, whatever the solver claims; wrong weights leave a gap
    if failed(certificate) <= dispatch.CLAIMED and certificate.relative_gap <= certificate.tolerance:
        assert answer.status is Status.EXACT
        assert answer.solution.minimum.loss == pytest.approx(honest.minimum.loss, rel=1e-12)
    else:
        assert answer.status is Status.BOUNDED


@pytest.mark.parametrize(("solver", "certifier"), SOLVERS, ids=lambda row: getattr(row, "name", ""))
def test_an_attained_minimum_without_weights_is_bounded_not_certified(solver: Solver, certifier: Certifier) -> None:
    for base in covered_by(solver, 6):
        solution = solver.solve(base)
        honest = certifier(base, solution)
        with np.errstate(all="raise", under="ignore"):
            certificate = certifier(base, replace(solution, minimum=replace(solution.minimum, parameters=None)))
        assert certificate.lower_bound <= certificate.upper_bound + certificate.rounding_allowance
        assert certificate.lower_bound == pytest.approx(honest.lower_bound, rel=1e-9, abs=1e-12 * base.data.yy)
        assert ("weights_given" in failed(certificate)) == solution.minimum.attained


def test_a_local_minimum_is_not_certified_as_global() -> None:
    moments, decay = FOUR_ROOTS
    base = Problem(network(2, decay), moments)
    solution = SOLVER.solve(base)
    longest = max(solution.stationary_points, key=lambda point: point.norm)
    assert longest.point_class is PointClass.LOCAL_MINIMUM
    reduced = reduced_of(base)
    local = reduced.map_at(float(np.exp(Branches(reduced).all[0].log_ridge)))
    assert float(np.linalg.norm(local)) == pytest.approx(longest.norm)
    minimum = replace(
        solution.minimum,
        parameters=balanced_parameters(base.network, base.data, local),
        end_to_end_map=local[None, :],
        singular_values=np.array([longest.norm]),
        loss=longest.loss,
        terms=Terms(longest.loss, 0.0, 0.0),
    )
    certificate = certify(base, replace(solution, minimum=minimum))
    assert failed(certificate) == set()
    assert not certificate.holds
    assert certificate.lower_bound <= solution.minimum.loss


def in_full(matrix: FactoredMatrix) -> FactoredMatrix:
    """The same matrix as its own left factor."""
    return FactoredMatrix(matrix.dense(), np.ones(matrix.shape[1]), np.eye(matrix.shape[1]))


@pytest.mark.parametrize("input_noise", [0.0, 0.3])
def test_weights_in_full_have_the_certificate_of_their_factors(input_noise: float) -> None:
    for seed, base in enumerate(covered_by(SOLVER, 24)):
        noisy = replace(base.network, input_noise_variance=input_noise)
        asked = Problem(noisy, base.data, base.samples)
        solution = SOLVER.solve(asked)
        parameters = solution.minimum.parameters
        if parameters is None:
            continue
        weights = tuple(in_full(weight) for weight in parameters.weights)
        full = replace(solution.minimum, parameters=replace(parameters, weights=weights))
        honest, other = certify(asked, solution), certify(asked, replace(solution, minimum=full))
        assert failed(other) == failed(honest) == set(), seed
        allowed = 1e-9 * asked.data.yy
        assert other.upper_bound == pytest.approx(honest.upper_bound, rel=1e-9, abs=allowed)
        assert other.lower_bound == pytest.approx(honest.lower_bound, rel=1e-9, abs=allowed)
        told = {check.name: check.value for check in other.checks}
        beside = replace(parameters, weights=(*weights[:-1], longer(weights[-1])))
        wrong = replace(full, parameters=beside)
        caught = certify(asked, replace(solution, minimum=wrong))
        if not solution.minimum.trivial:
            assert "gradient_norm" in failed(caught)
            assert {check.name: check.value for check in caught.checks}["gradient_norm"] > told["gradient_norm"]


def longer(matrix: FactoredMatrix) -> FactoredMatrix:
    """A part in a thousand longer."""
    return replace(matrix, values=1.001 * matrix.values)


def failed(certificate: Certificate) -> set[str]:
    return {check.name for check in certificate.checks if not check.passed}


def test_bounds_hold_whatever_is_claimed() -> None:
    for base in covered_by(SOLVER, 30):
        solution = SOLVER.solve(base)
        if solution.minimum.parameters is None:
            continue
        honest = certify(base, solution)
        for factor in (0.0, 0.5, 1.5):
            other = certify(base, replace(solution, minimum=at_map(base, solution, factor)))
            assert other.lower_bound <= honest.upper_bound + honest.rounding_allowance
            assert other.upper_bound >= honest.lower_bound


def test_the_gap_closes_in_few_nodes_without_a_hint() -> None:
    for base in covered_by(SOLVER, 40):
        reduced, data = reduced_of(base), base.data
        loss = SOLVER.solve(base).minimum.loss
        bound = norm_bound(reduced, 1e-10 * data.yy, np.inf)
        assert bound.lower <= loss + bound.allowance
        assert bound.lower >= loss - 1.1e-10 * data.yy - 2.0 * bound.allowance
        assert bound.reached >= loss - bound.allowance - 1e-14 * base.data.yy
        assert bound.nodes < 2000


def test_samples_keep_the_digits_of_a_small_loss() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    y = x @ rng.normal(size=(3, 1)) + 1e-7 * rng.normal(size=(60, 1))
    base = Problem(network(1, 1e-16), moments_of(x, y), Samples(x, y))
    shortest = np.linalg.lstsq(x, y, rcond=None)[0]
    expected = float(np.mean((y - x @ shortest) ** 2)) + 2e-16 * float(np.linalg.norm(shortest))
    certificate = certify(base, SOLVER.solve(base))
    assert certificate.upper_bound == pytest.approx(expected, rel=1e-6)
    assert 0.0 <= certificate.lower_bound <= certificate.upper_bound


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("decays", [(0.0, 0.0), (0.06, 0.0)])
def test_a_loss_of_zero_is_exact(outputs: int, decays: tuple[float, float]) -> None:
    """More inputs than samples, badly conditioned: moments alone would leave some 1e-13 of the targets."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4, 6)), rng.normal(size=(4, outputs))
    x[1] = x[0] + 1e-2 * x[1]
    layers = (Layer(3, weight_decay=decays[0]), Layer(outputs, weight_decay=decays[1]))
    answer = dispatch.solve(Problem(Network(layers), moments_of(x, y), Samples(x, y)))
    assert answer.solution.minimum.loss == pytest.approx(0.0, abs=1e-9)
    assert answer.status is Status.EXACT


def in_units(base: Problem, factor: float) -> Problem:
    """Two layers on targets times a factor: the same problem, its losses times the square."""
    data = base.data
    moments = Moments(data.xx, data.xy * factor, data.yy * factor**2)
    layers = tuple(replace(layer, weight_decay=layer.weight_decay * factor) for layer in base.network.layers)
    return Problem(replace(base.network, layers=layers), moments)


def test_tolerances_are_relative_to_the_loss() -> None:
    base = problem(1)
    for factor in (1.0, 2.0**20, 2.0**-20):
        scaled = in_units(base, factor)
        checks = {check.name: check for check in certify(scaled, SOLVER.solve(scaled)).checks}
        for name in ("claimed_loss", "terms_sum"):
            assert checks[name].passed
            assert checks[name].tolerance == pytest.approx(1e-9, rel=1e-3)


def test_bounds_out_of_order_are_measured_relative_to_the_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "service.core.certificates.scalar_output.quick_bound",
        lambda _problem, _exact, upper, _unit: LowerBound(2.0 * upper, 0.0),
    )
    for factor in (1.0, 2.0**20):
        scaled = in_units(problem(1), factor)
        certificate = certify(scaled, SOLVER.solve(scaled))
        (check,) = [each for each in certificate.checks if each.name == "bounds_in_order"]
        assert check.value == pytest.approx(1.0, rel=1e-6)
        assert not certificate.holds


@pytest.mark.parametrize("variance", [1e-22, 1e-18])
def test_a_perfect_fit_pays_for_little_noise_on_the_inputs(variance: float) -> None:
    """The loss is that of the noise alone, some 1e-18 of what cancels in the fit."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 3))
    y = x @ np.array([[1.0], [-2.0], [0.5]])
    base = Problem(replace(network(1, 0.0), input_noise_variance=variance), moments_of(x, y), Samples(x, y))
    certificate = certify(base, SOLVER.solve(base))
    expected = variance * float(np.diag(x.T @ x / 20) @ np.array([1.0, 4.0, 0.25]))
    assert certificate.upper_bound == pytest.approx(expected, rel=0.1)
    assert certificate.upper_bound >= expected * (1.0 - 1e-3)
