"""Laws that every solver of the catalogue keeps; a new row is tested here without any new code."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from service.core.catalogue import SOLVERS, THEOREMS
from service.core.dispatch import solve
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Moments, Problem
from service.core.ground.results import GlobalMinimum
from service.core.ground.roles import Certifier, Solver
from service.core.ground.rules import conjunction, examine
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.losses.expected import gradient_of, loss_of
from service.core.one_output.reduced import reduced_of
from service.core.one_output.sphere import loss_on_spheres
from service.vocabulary import Status
from tests.support.instances import covered_by, dense, gradient_norm, haar, random_like, random_problem, value

COUNT = 40
OPEN_GAPS = ("deep_bounded", "noisy_bounded")
"""Solvers that promise an honest gap, not a closed one."""
NAMES = [solver.name for solver, _ in SOLVERS]
EACH_SOLVER = pytest.mark.parametrize("solver", [solver for solver, _ in SOLVERS], ids=NAMES)
EACH_PAIR = pytest.mark.parametrize(("solver", "certifier"), SOLVERS, ids=NAMES)


def scale_of(problem: Problem) -> float:
    return max(problem.data.yy, 1e-300)


def minimum_of(solver: Solver, problem: Problem) -> GlobalMinimum:
    return solver.solve(replace(problem)).minimum


def with_decays(problem: Problem, decays: FloatArray) -> Problem:
    layers = (
        replace(layer, weight_decay=float(decay)) for layer, decay in zip(problem.network.layers, decays, strict=True)
    )
    return replace(problem, network=replace(problem.network, layers=tuple(layers)))


def with_more_noise(problem: Problem) -> Problem:
    *hidden, last = problem.network.layers
    layers = (*(replace(layer, noise_variance=1.5 * layer.noise_variance + 0.1) for layer in hidden), last)
    return replace(problem, network=replace(problem.network, layers=layers))


def search(problem: Problem, start: DenseParameters) -> float:
    def objective(vector: FloatArray) -> tuple[float, FloatArray]:
        point = unflatten(vector, start)
        gradient: FloatArray = flatten(gradient_of(problem.network, problem.data, point))
        return float(loss_of(problem.network, problem.data, point)), gradient

    found = minimize(objective, flatten(start), jac=True, method="L-BFGS-B", options={"maxiter": 400, "ftol": 1e-15})
    return float(found.fun)


@EACH_SOLVER
def test_weights_have_the_loss_and_no_gradient(solver: Solver) -> None:
    for problem in covered_by(solver, COUNT):
        minimum = minimum_of(solver, problem)
        if minimum.parameters is None:
            assert not minimum.attained
            continue
        point = dense(minimum.parameters)
        assert value(problem, point) == pytest.approx(minimum.loss, rel=1e-9, abs=1e-12 * scale_of(problem))
        assert gradient_norm(problem, point) <= 1e-9 * max(1.0, scale_of(problem))


@EACH_SOLVER
def test_search_finds_nothing_below(solver: Solver) -> None:
    rng = np.random.default_rng(1)
    for problem in covered_by(solver, COUNT):
        minimum = minimum_of(solver, problem)
        rounding = 1e-11 * scale_of(problem)
        values = [search(problem, random_like(problem, rng, scale)) for scale in (0.3, 1.0, 2.0)]
        if minimum.parameters is not None:
            best = dense(minimum.parameters)
            pieces = random_like(problem, rng, 0.05)
            near = unflatten(flatten(best) + flatten(pieces), best)
            reached = search(problem, near)
            assert reached == pytest.approx(minimum.loss, abs=1e-7 * scale_of(problem))
            values.append(reached)
        assert min(values) >= minimum.loss - rounding


@pytest.mark.parametrize("solver", [solver for solver, _ in SOLVERS if solver.one_curve], ids=lambda each: each.name)
def test_a_solver_that_says_so_has_all_its_candidates_on_one_curve(solver: Solver) -> None:
    compared = 0
    for problem in covered_by(solver, COUNT):
        if not problem.network.weight_decays.all():
            continue
        compared += 1
        minimum, reduced = minimum_of(solver, problem), reduced_of(problem)
        length = float(np.linalg.norm(minimum.end_to_end_map))
        norms = length * np.array([1.0, 0.5, 0.99, 1.01, 2.0])
        losses = loss_on_spheres(reduced, norms)
        assert losses[0] == pytest.approx(minimum.loss, rel=1e-9, abs=1e-12 * scale_of(problem))
        assert losses.min() >= minimum.loss - 1e-11 * scale_of(problem)
    assert compared > 0


@EACH_SOLVER
def test_rotating_the_inputs_rotates_the_map(solver: Solver) -> None:
    rng = np.random.default_rng(2)
    tried = 0
    for problem in covered_by(solver, COUNT):
        # noise on the inputs singles out their axes
        if problem.network.input_noise_variance > 0.0:
            continue
        tried += 1
        turn = haar(rng, problem.data.inputs)
        data = problem.data
        rotated = Moments(
            turn @ data.xx @ turn.T,
            turn @ data.xy,
            data.yy,
            data.n,
            None if data.x_mean is None else turn @ data.x_mean,
            data.y_mean,
        )
        rotated = replace(rotated, xx=0.5 * (rotated.xx + rotated.xx.T))
        turned_outputs = np.eye(data.outputs)
        if solver.name == "autoencoder":
            # the targets are the inputs and turn with them
            turned_outputs = turn
            rotated = replace(rotated, xy=rotated.xx.copy(), yy=float(np.trace(rotated.xx)))
        turned = replace(problem, moments=rotated)
        if problem.samples is not None:
            turned = replace(turned, samples=replace(problem.samples, x=problem.samples.x @ turn.T))
        before, after = minimum_of(solver, problem), minimum_of(solver, turned)
        assert after.loss == pytest.approx(before.loss, rel=1e-10, abs=1e-12 * scale_of(problem))
        assert after.trivial == before.trivial
        length = float(np.linalg.norm(before.end_to_end_map))
        expected = turned_outputs @ before.end_to_end_map @ turn.T
        assert np.abs(after.end_to_end_map - expected).max() <= 1e-7 * max(length, 1e-300)
    assert tried > 0


@EACH_SOLVER
def test_loss_grows_with_every_decay_and_noise(solver: Solver) -> None:
    for problem in covered_by(solver, COUNT):
        base, decays = minimum_of(solver, problem).loss, problem.network.weight_decays
        slack = 1e-12 * scale_of(problem)
        for layer in range(problem.network.n_layers):
            factors = np.ones(decays.size)
            factors[layer] = 1.7
            assert minimum_of(solver, with_decays(problem, decays * factors)).loss >= base - slack
            assert minimum_of(solver, with_decays(problem, decays / factors)).loss <= base + slack
        assert minimum_of(solver, with_more_noise(problem)).loss >= base - slack


@EACH_SOLVER
def test_derivative_in_a_decay_is_the_squared_norm_of_its_layer(solver: Solver) -> None:
    step, compared = 1e-5, 0
    for problem in covered_by(solver, COUNT // 2):
        minimum, decays = minimum_of(solver, problem), problem.network.weight_decays
        undecayed = not np.all(decays > 0.0)
        if minimum.parameters is None or minimum.trivial or undecayed:
            compared += undecayed
            continue
        for layer, weight in enumerate(minimum.parameters.weights):
            move = np.zeros(decays.size)
            move[layer] = step * decays[layer]
            up, down = (minimum_of(solver, with_decays(problem, decays + sign * move)).loss for sign in (1.0, -1.0))
            slope = (up - down) / (2.0 * move[layer])
            expected = float(np.sum(weight.dense() ** 2))
            assert slope == pytest.approx(expected, rel=1e-5, abs=1e-10 * scale_of(problem) / move[layer])
            compared += 1
    assert compared > 0


@EACH_PAIR
def test_certificate_holds(solver: Solver, certifier: Certifier) -> None:
    for problem in covered_by(solver, COUNT):
        solution = solver.solve(replace(problem))
        certificate = certifier(problem, solution)
        assert all(check.passed for check in certificate.checks), certificate.checks
        assert certificate.holds or solver.name in OPEN_GAPS
        assert certificate.lower_bound <= solution.minimum.loss + certificate.rounding_allowance


@EACH_SOLVER
def test_terms_sum_to_the_loss(solver: Solver) -> None:
    for problem in covered_by(solver, COUNT):
        minimum = minimum_of(solver, problem)
        assert minimum.terms.loss == pytest.approx(minimum.loss, abs=1e-12 * scale_of(problem))
        assert min(minimum.terms.noise, minimum.terms.decay) >= 0.0
        assert minimum.terms.fit >= -1e-12 * scale_of(problem)


@EACH_SOLVER
def test_dispatch_finds_the_solver_and_names_what_was_checked(solver: Solver) -> None:
    known = {theorem.id for theorem in THEOREMS}
    for problem in covered_by(solver, 5):
        answer = solve(problem)
        assert answer.status in (solver.status, Status.EXACT, Status.CERTIFIED) or solver.name in OPEN_GAPS
        assert conjunction(answer.hypotheses) is True
        assert set(answer.solution.theorems) <= known
    assert set(solver.theorems) <= known


@EACH_SOLVER
def test_hypotheses_are_decided_on_any_problem(solver: Solver) -> None:
    seen = set()
    for problem in (*map(random_problem, range(60)), *covered_by(solver, 2)):
        findings = examine(solver.hypotheses, problem)
        seen.add(conjunction(findings))
        assert all(finding.judgement.reason for finding in findings if finding.judgement.holds is not True)
    assert seen == {True, False}
