"""Classes of constructed stationary points, predicted by theory, against their exact Hessians."""

from collections import Counter
from typing import Final

import numpy as np

from service.core.curvature.dense import hessian_of
from service.core.curvature.hessian import dense_hessian
from service.core.curvature.spectrum import hessian_spectrum
from service.core.ground.problems import Problem
from service.core.losses.dense import DenseParameters, flatten
from service.core.losses.expected import gradient_of, loss_of
from service.core.points.classes import classify, curvature_of, zero_tolerance
from service.core.points.pivots import class_by_pivots
from service.core.several_outputs.squared_error.quadratic import quadratic_of
from service.core.solvers.factorisation import solve
from service.vocabulary import PointClass
from tests.support.outputs_points import decayed_point, inflection_point, undecayed_point

UNDECAYED: Final = 3000
DECAYED: Final = 400
INFLECTIONS: Final = 40


def _gradient(problem: Problem, point: DenseParameters) -> float:
    return float(np.linalg.norm(flatten(gradient_of(problem.network, problem.data, point)))) / problem.data.yy


def undecayed(count: int) -> tuple[Counter[str], int, float, float]:
    """Classes by pivots, mismatches with the sign of the least eigenvalue, worst gradient and worst spectrum error."""
    seen: Counter[str] = Counter()
    mismatches, worst_gradient, worst_spectrum = 0, 0.0, 0.0
    for seed in range(count):
        problem, point = undecayed_point(np.random.default_rng(seed))
        worst_gradient = max(worst_gradient, _gradient(problem, point))
        found = class_by_pivots(problem, quadratic_of(problem), list(point.weights))
        values = np.linalg.eigvalsh(dense_hessian(problem, point))
        largest = float(np.abs(values).max())
        mismatches += (values[0] < -zero_tolerance(problem, point, largest)) != (found is PointClass.STRICT_SADDLE)
        seen[found.value] += 1
        if seed % 10 == 0:
            dense = np.linalg.eigvalsh(hessian_of(problem.network, problem.data, point))
            error = float(np.abs(hessian_spectrum(problem, list(point.weights)).values - dense).max())
            worst_spectrum = max(worst_spectrum, error / max(largest, 1e-3))
    return seen, mismatches, worst_gradient, worst_spectrum


def decayed(count: int, inflections: int) -> tuple[Counter[str], int, float]:
    """Classes by theory, mismatches with curvature or with the diagnosis, and the worst gradient."""
    seen: Counter[str] = Counter()
    mismatches, worst_gradient = 0, 0.0
    for seed in range(count):
        draw = inflection_point if seed < inflections else decayed_point
        problem, point, predicted = draw(np.random.default_rng(seed))
        worst_gradient = max(worst_gradient, _gradient(problem, point))
        curvature = curvature_of(problem, point)
        loss = float(loss_of(problem.network, problem.data, point))
        diagnosed = classify(problem, point, curvature, loss, loss - solve(problem).minimum.loss).point_class
        negative = curvature.least is not None and curvature.least < -curvature.zero_tolerance
        mismatches += diagnosed is not predicted or negative != (predicted is PointClass.STRICT_SADDLE)
        seen[predicted.value] += 1
    return seen, mismatches, worst_gradient


def report() -> str:
    """Counts by class and the mismatches, which have to be none."""
    plain, plain_wrong, plain_gradient, spectrum = undecayed(UNDECAYED)
    ridged, ridged_wrong, ridged_gradient = decayed(DECAYED, INFLECTIONS)
    assert plain_wrong == 0, "a class by pivots contradicts the Hessian"
    assert ridged_wrong == 0, "a class of a decayed point contradicts the Hessian"
    classes = sorted({*plain, *ridged})
    return "\n".join(
        [
            (
                f"{UNDECAYED} stationary points without decay (two to five layers, any widths, idle lanes, some "
                f"inputs singular) and {DECAYED} with decay on white inputs ({INFLECTIONS} on an inflection), in "
                "random hidden coordinates. Predicted: by the ranks of the pivots, and by the scalar problem of each "
                "singular value. Compared: the sign of the least eigenvalue of the exact Hessian, and the "
                "class of the diagnosis."
            ),
            "",
            "| class | no decay | decay |",
            "|---|---|---|",
            *(f"| {name} | {plain[name]} | {ridged[name]} |" for name in classes),
            f"| **mismatches** | {plain_wrong} | {ridged_wrong} |",
            "",
            (
                f"Largest gradient norm at a constructed point, relative to yy: {plain_gradient:.1e} and "
                f"{ridged_gradient:.1e}. Spectra by blocks against the dense Hessian of every tenth point: worst "
                f"difference {spectrum:.1e} of the largest eigenvalue."
            ),
        ]
    )
