"""Verification names the field: every number of an answer, changed by one part in a million, is rejected."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import pytest

from service.core.asked.verification.whole import verify
from service.core.dispatch import solve
from service.core.ground.parameters import FactoredMatrix, Parameters, columns_of
from service.core.ground.problems import Problem
from service.core.ground.results import Certificate, Solution
from service.core.solvers.scalar_output import SOLVER
from service.vocabulary import PointClass, PointKind
from tests.support.instances import covered_by
from tests.support.one_output_cases import problem, with_decays_times

FACTOR = 1.0 + 1e-6
Claim: TypeAlias = tuple[Solution, Certificate]
Change: TypeAlias = Callable[[Solution, Certificate], Claim]


def disagreements(base: Problem, claim: Claim) -> set[str]:
    return {row.field for row in verify(replace(base), *claim).comparisons if not row.agrees}


def of_minimum(field: str) -> Change:
    def change(solution: Solution, certificate: Certificate) -> Claim:
        claimed = getattr(solution.minimum, field)
        return replace(solution, minimum=replace(solution.minimum, **{field: claimed * FACTOR})), certificate

    return change


def of_terms(field: str) -> Change:
    def change(solution: Solution, certificate: Certificate) -> Claim:
        terms = solution.minimum.terms
        moved = replace(terms, **{field: getattr(terms, field) * FACTOR})
        return replace(solution, minimum=replace(solution.minimum, terms=moved)), certificate

    return change


def of_certificate(field: str) -> Change:
    def change(solution: Solution, certificate: Certificate) -> Claim:
        return solution, replace(certificate, **{field: getattr(certificate, field) * FACTOR})

    return change


def of_thresholds(field: str) -> Change:
    def change(solution: Solution, certificate: Certificate) -> Claim:
        thresholds = solution.thresholds
        moved = replace(thresholds, **{field: getattr(thresholds, field) * FACTOR})
        return replace(solution, thresholds=moved), certificate

    return change


def of_origin(field: str) -> Change:
    def change(solution: Solution, certificate: Certificate) -> Claim:
        moved = replace(solution.origin, **{field: getattr(solution.origin, field) * FACTOR})
        return replace(solution, origin=moved), certificate

    return change


def of_weight(layer: int) -> Change:
    def change(solution: Solution, certificate: Certificate) -> Claim:
        parameters = solution.minimum.parameters
        assert parameters is not None
        weights = list(parameters.weights)
        entries = weights[layer].dense()
        at = np.unravel_index(int(np.argmax(np.abs(entries))), entries.shape)
        entries[at] *= FACTOR
        size = entries.shape[1]
        weights[layer] = FactoredMatrix(entries, np.ones(size), np.eye(size))
        moved = Parameters(tuple(weights), parameters.biases)
        return replace(solution, minimum=replace(solution.minimum, parameters=moved)), certificate

    return change


def of_point(kind: PointKind, field: str) -> Change:
    def change(solution: Solution, certificate: Certificate) -> Claim:
        points = list(solution.stationary_points)
        at = next(i for i, point in enumerate(points) if point.kind is kind)
        points[at] = replace(points[at], **{field: getattr(points[at], field) * FACTOR})
        return replace(solution, stationary_points=tuple(points)), certificate

    return change


def trivial_flipped(solution: Solution, certificate: Certificate) -> Claim:
    return replace(solution, minimum=replace(solution.minimum, trivial=not solution.minimum.trivial)), certificate


def rank_raised(solution: Solution, certificate: Certificate) -> Claim:
    return replace(solution, minimum=replace(solution.minimum, rank=solution.minimum.rank + 1)), certificate


def class_changed(solution: Solution, certificate: Certificate) -> Claim:
    points = tuple(
        replace(point, point_class=PointClass.LOCAL_MINIMUM) if point.point_class is PointClass.STRICT_SADDLE else point
        for point in solution.stationary_points
    )
    return replace(solution, stationary_points=points), certificate


CHANGES: dict[str, tuple[str, Change]] = {
    "loss": ("global_minimum.loss", of_minimum("loss")),
    "map": ("global_minimum.end_to_end_map", of_minimum("end_to_end_map")),
    "singular values": ("global_minimum.singular_values", of_minimum("singular_values")),
    "variance": ("global_minimum.prediction_variance", of_minimum("prediction_variance")),
    "trivial": ("global_minimum.trivial", trivial_flipped),
    "rank": ("global_minimum.rank", rank_raised),
    "fit": ("global_minimum.terms.fit", of_terms("fit")),
    "noise": ("global_minimum.terms.noise", of_terms("noise")),
    "decay": ("global_minimum.terms.decay", of_terms("decay")),
    "first weight": ("global_minimum.weights", of_weight(0)),
    "middle weight": ("global_minimum.weights", of_weight(1)),
    "last weight": ("global_minimum.weights", of_weight(2)),
    "lower bound": ("certificate.lower_bound", of_certificate("lower_bound")),
    "upper bound": ("certificate.upper_bound", of_certificate("upper_bound")),
    "critical decay": ("thresholds.critical_decay_scale", of_thresholds("critical_decay_scale")),
    "critical noise": ("thresholds.critical_noise_variance", of_thresholds("critical_noise_variance")),
    "critical noise scale": ("thresholds.critical_noise_scale", of_thresholds("critical_noise_scale")),
    "curvature": ("origin.least_hessian_eigenvalue", of_origin("least_hessian_eigenvalue")),
    "barrier": ("origin.barrier_height", of_origin("barrier_height")),
    "loss of the origin": ("stationary_points[0].loss", of_point(PointKind.ORIGIN, "loss")),
    "loss of a branch point": ("stationary_points[1].loss", of_point(PointKind.BRANCH, "loss")),
    "norm of a branch point": ("stationary_points[1].norm", of_point(PointKind.BRANCH, "norm")),
    "class of a saddle": ("stationary_points[2].class", class_changed),
}


@pytest.mark.parametrize("name", CHANGES)
def test_one_part_in_a_million_is_rejected_and_named(name: str) -> None:
    base = problem(2, noise=0.25, decay=0.06)
    answer = solve(base)
    assert disagreements(base, (answer.solution, answer.certificate)) == set()
    field, change = CHANGES[name]
    assert field in disagreements(base, change(answer.solution, answer.certificate))


@pytest.mark.parametrize("scale", [0.02, 0.5, 3.0, 30.0])
@pytest.mark.parametrize("depth", [0, 1, 2, 4])
def test_honest_answers_agree_and_losses_do_not_slip(depth: int, scale: float) -> None:
    base = with_decays_times(problem(depth, noise=0.25), scale)
    answer = solve(base)
    assert disagreements(base, (answer.solution, answer.certificate)) == set()
    moved = of_minimum("loss")(answer.solution, answer.certificate)
    assert "global_minimum.loss" in disagreements(base, moved)
    below = of_certificate("lower_bound")(answer.solution, answer.certificate)
    assert "certificate.lower_bound" in disagreements(base, below)


def test_honest_answers_to_random_problems_agree() -> None:
    for base in covered_by(SOLVER, 40, start=1000):
        answer = solve(base)
        claim = (answer.solution, answer.certificate)
        rows = verify(replace(base), *claim)
        assert rows.agrees, [row for row in rows.comparisons if not row.agrees]
        assert all(rows.not_covered.values())


def test_another_problem_is_not_verified() -> None:
    base = problem(2, noise=0.25, decay=0.05)
    answer = solve(base)
    for factor in (FACTOR, 1.0 / FACTOR):
        other = with_decays_times(base, factor)
        assert disagreements(other, (answer.solution, answer.certificate))


def test_an_unknown_solver_is_named() -> None:
    base = problem(1)
    answer = solve(base)
    claimed = replace(answer.solution, solver="guess")
    assert "solver" in disagreements(base, (claimed, answer.certificate))


def test_factored_and_dense_weights_are_judged_alike() -> None:
    base = problem(2, noise=0.25, decay=0.05)
    answer = solve(base)
    parameters = answer.solution.minimum.parameters
    assert parameters is not None
    weights = tuple(FactoredMatrix(columns_of(w.left), w.values, columns_of(w.right)) for w in parameters.weights)
    minimum = replace(answer.solution.minimum, parameters=Parameters(weights, parameters.biases))
    assert disagreements(base, (replace(answer.solution, minimum=minimum), answer.certificate)) == set()
