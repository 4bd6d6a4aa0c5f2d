"""Where a given point of any landscape over samples is: loss, gradient, curvature and a step down.

For networks with activations and for losses other than the squared one, where no theorem says what the point is: the
class is what gradient and Hessian show, and the gap is known only where a solver knows the minimum.  See
``docs/theory/diagnosis.md``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.curvature.hessian import largest_of, least_eigenpair_of, top_eigenvalue_of
from service.core.curvature.products import HessianProducts
from service.core.ground.numbers.arrays import BoolArray, FloatArray
from service.core.ground.problems import Problem, Samples
from service.core.ground.results import Minima, Terms
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.losses.nonlinear import loss_of
from service.core.losses.trained import trained_mask
from service.core.points.classes import NOT_CONVERGED, Classified, Curvature, closed_gap, curvature_of_matrix
from service.core.points.diagnosis import Diagnosis, no_escape
from service.core.points.escapes import DescentLine, best_step, reach_of, steepest_step
from service.core.points.gaps import Gaps, gaps_of
from service.core.points.point_class import words_of
from service.core.points.sample_gradient import KINKED, SampleGradient, gradient_on_samples
from service.core.points.stationarity import SINGLE_UNIT, Stationarity, holds_zero, norm_within, stored_format
from service.core.points.weight_rounding import DOUBLE_UNIT, layer_sizes, rounding_of
from service.errors import counted
from service.vocabulary import Evidence, NumberFormat, PointClass, ToleranceSource

DENSE: Final = 1000
"""Parameters up to which the whole Hessian is formed, column by column."""
RESTARTS: Final = 30
"""Of Lanczos for the least eigenvalue beyond it."""
ZERO: Final = 1e-8
"""Share of the largest eigenvalue within which one counts as zero."""
NOT_REPORTED: Final = {
    "directions": "with activations, or under this loss, no singular directions are learned one by one",
    "invariants": "no balance between the layers of this network is reported",
    **dict.fromkeys(("next_stationary_loss", "plateau"), "the stationary points of this network are not known"),
}
AT_KINK: Final = "a pre-activation is at a kink, where there is no Hessian"


def diagnose_on_samples(
    problem: Problem,
    parameters: DenseParameters,
    minima: Minima | None,
    unknown: str,
    gradient_tolerance: float | None = None,
) -> Diagnosis:
    """Describe a point of the landscape of a network on samples.

    Parameters
    ----------
    problem : Problem
        With samples, without skips and noise.
    parameters : DenseParameters
        Those of the network; frozen layers hold their own.
    minima : Minima or None
        The global minimum of the problem, where a solver covers it.
    unknown : str
        Why it is missing, if it is.
    gradient_tolerance : float, optional
        Norm of the gradient up to which the caller counts a point as stationary.

    Raises
    ------
    ValueError
        If the problem has no samples.
    """
    if problem.samples is None:
        raise ValueError("a network with activations, or a loss other than the squared one, needs samples")
    network, samples = problem.network, problem.samples
    trained = trained_mask(network, parameters)
    slope = gradient_on_samples(network, problem.loss, parameters, samples)
    loss = slope.fit + slope.decay
    gradient = np.where(trained, slope.gradient, 0.0)
    hessian = _Hessian.at(problem, samples, parameters, trained, exists=not slope.kinks)
    at = _stationarity(problem, parameters, gradient, slope, hessian, gradient_tolerance)
    gaps = gaps_of(loss, lambda: slope.loss_rounding, minima, unknown)
    found = _classified(problem, slope, loss, at, gaps, hessian.curvature)
    line = DescentLine(
        lambda direction, steps: _losses(problem, samples, parameters, direction, steps),
        loss,
        reach_of(problem, parameters),
        grid=22,
        refinements=2,
    )
    if slope.kinks and gradient.any():
        # the derivative of the left side may lead down all the same
        escape = best_step(line, -gradient, "gradient", both_ways=True)
    else:
        escape = steepest_step(line, found.point_class, gradient, hessian.curvature)
    reasons = {**hessian.curvature.reasons, **gaps.reasons, **NOT_REPORTED}
    if escape is None:
        reasons["escape"] = no_escape(found.point_class)
    return Diagnosis(
        found.point_class,
        found.evidence,
        found.because,
        loss,
        Terms(slope.fit, 0.0, slope.decay),
        gaps.gap,
        gaps.at_least,
        gaps.at_most,
        at.norm,
        at.tolerance,
        at.source,
        at.precision,
        hessian.curvature.least,
        hessian.curvature.largest,
        hessian.curvature.zero_tolerance,
        hessian.curvature.inertia,
        escape,
        None,
        None,
        None,
        None,
        reasons,
    )


@dataclass(frozen=True, slots=True)
class _Hessian:
    """What is known of second derivatives at the point.

    Attributes
    ----------
    curvature : Curvature
    matrix : (P, P) array or None
        Of the moduli, zero where a weight is not trained; where it was formed.
    largest : float
        Modulus of the largest eigenvalue, about; zero where there is no Hessian.
    """

    curvature: Curvature
    matrix: FloatArray | None
    largest: float

    @classmethod
    def at(
        cls, problem: Problem, samples: Samples, parameters: DenseParameters, trained: BoolArray, *, exists: bool
    ) -> "_Hessian":
        if not exists:
            reasons = dict.fromkeys(("least_hessian_eigenvalue", "inertia", "sharpness"), AT_KINK)
            return cls(Curvature(None, None, 0.0, None, None, reasons), None, 0.0)
        products = HessianProducts(problem.network, problem.loss, parameters, samples)

        def product(vector: FloatArray) -> FloatArray:
            turned: FloatArray = flatten(products.times(unflatten(vector, parameters)))
            return turned

        if trained.size > DENSE:
            return cls._by_products(product, trained)
        whole = np.array([product(unit) for unit in np.eye(trained.size)])
        whole = 0.5 * (whole + whole.T)
        curvature = curvature_of_matrix(whole[np.ix_(trained, trained)], trained, _zero_tolerance)
        return cls(curvature, np.where(np.outer(trained, trained), np.abs(whole), 0.0), float(np.abs(whole).max()))

    @classmethod
    def _by_products(cls, product: Callable[[FloatArray], FloatArray], trained: BoolArray) -> "_Hessian":
        largest = largest_of(product, trained)
        reasons = {"inertia": f"more than {DENSE} parameters: only the extreme eigenvalues are computed"}
        found = least_eigenpair_of(product, trained, largest, RESTARTS)
        top = top_eigenvalue_of(product, trained, RESTARTS)
        if found is None:
            reasons["least_hessian_eigenvalue"] = NOT_CONVERGED
        if top is None:
            reasons["sharpness"] = NOT_CONVERGED
        least, vector = (None, None) if found is None else found
        return cls(Curvature(least, vector, _zero_tolerance(largest), None, None, reasons, top), None, largest)

    def moved(self, moves: DenseParameters) -> FloatArray | float:
        """About by how much each entry of the gradient changes, at most, when weights move by so much."""
        by: FloatArray = flatten(moves)
        return self.largest * float(np.linalg.norm(by)) if self.matrix is None else self.matrix @ by


def _zero_tolerance(largest: float) -> float:
    return max(ZERO * largest, 1e-300)


def _losses(
    problem: Problem, samples: Samples, parameters: DenseParameters, direction: FloatArray, steps: FloatArray
) -> FloatArray:
    """Losses (m,) at steps along a direction; infinite where they leave double precision."""
    begin = flatten(parameters)
    with np.errstate(over="ignore", invalid="ignore"):
        found = np.array(
            [
                loss_of(problem.network, problem.loss, unflatten(begin + step * direction, parameters), samples)
                for step in steps
            ]
        )
    return np.where(np.isfinite(found), found, np.inf)


def _stationarity(
    problem: Problem,
    parameters: DenseParameters,
    gradient: FloatArray,
    slope: SampleGradient,
    hessian: _Hessian,
    wanted: float | None,
) -> Stationarity:
    """Judge the gradient as `service.core.points.stationarity` does; what moves of weights change is to first order."""
    trained, norm = trained_mask(problem.network, parameters), float(np.linalg.norm(gradient))
    stored = stored_format(problem, parameters)
    sizes = layer_sizes(np.diagonal(problem.data.xx), parameters)
    allowed = (slope.rounding + hessian.moved(rounding_of(sizes, parameters, None))) * trained
    source, unit = ToleranceSource.ROUNDING, DOUBLE_UNIT
    if stored is not None and not holds_zero(gradient, allowed):
        source, unit = ToleranceSource.PRECISION, stored.unit
        single = SINGLE_UNIT / DOUBLE_UNIT * slope.rounding
        allowed = allowed + (single + hessian.moved(rounding_of(sizes, parameters, stored))) * trained
    stationary, tolerance = holds_zero(gradient, allowed), norm_within(gradient, allowed, norm)
    if not stationary and wanted is not None and wanted > tolerance:
        stationary, tolerance, source, unit = norm <= wanted, wanted, ToleranceSource.REQUEST, DOUBLE_UNIT
    precision = NumberFormat.DOUBLE if stored is None else stored.precision
    return Stationarity(gradient, norm, stationary, tolerance, source, precision, unit, 0.0, 0.0)


def _classified(
    problem: Problem, slope: SampleGradient, loss: float, at: Stationarity, gaps: Gaps, curvature: Curvature
) -> Classified:
    """No class but what is seen: a gradient above its rounding, a closed gap to a known minimum, signs of curvature."""
    if gaps.certified and gaps.gap is not None and gaps.gap <= closed_gap(problem, loss):
        return Classified(PointClass.GLOBAL_MINIMUM, Evidence.CERTIFIED, "the loss is that of the global minimum")
    if slope.kinks:
        what = "pre-activation or error" if problem.loss in KINKED else "pre-activation"
        units = f"{what} is" if slope.kinks == 1 else f"{what}s are"
        because = f"{slope.kinks} {units} at a kink, where the loss has no gradient"
        return Classified(PointClass.DEGENERATE, Evidence.OBSERVED, because)
    if not at.stationary:
        return Classified(PointClass.NOT_STATIONARY, Evidence.PROVED, "the gradient is above its tolerance")
    point_class, because = _by_curvature(curvature)
    if at.source is not ToleranceSource.ROUNDING:
        because = f"{words_of(at)}; {because}"
    return Classified(point_class, Evidence.OBSERVED, because)


def _by_curvature(curvature: Curvature) -> tuple[PointClass, str]:
    if curvature.least is None:
        return PointClass.DEGENERATE, "the least Hessian eigenvalue is not known"
    if curvature.least < -curvature.zero_tolerance:
        return PointClass.STRICT_SADDLE, "the Hessian has a negative eigenvalue"
    if curvature.least > curvature.zero_tolerance:
        return PointClass.LOCAL_MINIMUM, "all eigenvalues of the Hessian are positive"
    flat = "flat directions" if curvature.inertia is None else counted(curvature.inertia["zero"], "flat direction")
    return PointClass.DEGENERATE, f"no negative curvature, but {flat}: the second order does not decide"
