"""Recomputes a claimed answer from the problem and the returned weights, and names every field that disagrees.

Nothing here calls a solver.  Weights go through the dense second-moment recursion; the lower bound through
branch and bound; thresholds are tested by bounding the minimum on both sides of them; stationary points and
the barrier through the loss on spheres.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from scipy.optimize import minimize_scalar

from service.core.arrays import FloatArray
from service.core.catalogue import SOLVERS
from service.core.comparison import Comparison, Verification
from service.core.losses import DenseParameters, end_to_end, gradient_of, hessian_of, terms_of
from service.core.problems import Layer, Problem
from service.core.reduction import needs_reduction
from service.core.reductions.verification import verify_reduced
from service.core.results import Certificate, Solution
from service.core.scalar.narrow import dense_or_narrow
from service.core.scalar.norm_bound import Scales, norm_bound
from service.core.scalar.reduced import ReducedProblem, reduce, reduced_of
from service.core.scalar.sphere import loss_on_spheres, multiplier
from service.vocabulary import PointClass, PointKind

SHARP = 3e-7
"""Relative distance from a threshold at which the minimum must already be of the other kind."""
MOST_HESSIAN = 400


def verify(problem: Problem, solution: Solution, certificate: Certificate) -> Verification:
    """Check a claimed answer field by field.

    Parameters
    ----------
    problem : Problem
    solution : Solution
        Claimed, in the core's convention.
    certificate : Certificate
        Claimed; its bounds are recomputed.

    Returns
    -------
    Verification
    """
    if needs_reduction(problem):
        certifier = next((row[1] for row in SOLVERS if row[0].name == solution.solver), None)
        return verify_reduced(problem, solution, certificate, certifier)
    return _Verifier(problem, solution, certificate).run()


class _Verifier:
    def __init__(self, problem: Problem, solution: Solution, certificate: Certificate) -> None:
        self.problem, self.solution, self.certificate = problem, solution, certificate
        self.minimum = solution.minimum
        self.unit = max(abs(self.minimum.loss), 1e-6 * problem.data.yy, 1e-300)
        self.skipped: dict[str, str] = {}

    def run(self) -> Verification:
        found = [*self._bounds()]
        if self.minimum.parameters is None:
            reason = "no weights were returned" if self.minimum.attained else "the infimum is not attained"
            self.skipped |= dict.fromkeys(("global_minimum.weights", "global_minimum.terms"), reason)
        else:
            found += self._weights()
        if self.solution.solver == "scalar_output":
            found += [*self._stationary_points(), *self._origin(), *self._thresholds()]
        else:
            for part in ("stationary_points", "origin", "thresholds"):
                self.skipped[part] = "recomputed for one output only"
        self.skipped["global_minimum.uniqueness"] = "a statement in words"
        return Verification(tuple(found), self.skipped)

    def _close(self, field: str, claimed: float, recomputed: float, tolerance: float, scales: bool) -> Comparison:
        agrees = bool(abs(claimed - recomputed) <= tolerance)
        return Comparison(field, float(claimed), float(recomputed), agrees, scales)

    def _bounds(self) -> Iterator[Comparison]:
        certifier = next((row[1] for row in SOLVERS if row[0].name == self.solution.solver), None)
        if certifier is None:
            yield Comparison("solver", self.solution.solver, "a solver of this engine", agrees=False)
            return
        fresh = certifier(self.problem, self.solution)
        slack = 2e-9 * self.unit + 8.0 * fresh.rounding_allowance
        claimed = self.certificate
        yield self._close("certificate.lower_bound", claimed.lower_bound, fresh.lower_bound, slack, True)
        yield self._close("certificate.upper_bound", claimed.upper_bound, fresh.upper_bound, slack, True)
        yield self._close("global_minimum.loss", self.minimum.loss, fresh.upper_bound, slack, True)
        above = self.minimum.loss >= fresh.lower_bound - slack
        word = "not below the lower bound" if above else "below the lower bound"
        yield Comparison("global_minimum.loss", "a minimum", word, bool(above))
        for check in fresh.checks:
            if check.name == "gradient_norm":
                yield Comparison(
                    "global_minimum.weights", "stationary", f"gradient norm {check.value:.1e}", check.passed
                )

    def _weights(self) -> Iterator[Comparison]:
        parameters = self.minimum.parameters
        if parameters is None:
            return
        network, dense = dense_or_narrow(self.problem.network, parameters)
        minimum, rounding = self.minimum, 2e-14 * self.problem.data.yy + 8.0 * self.certificate.rounding_allowance
        terms = terms_of(network, self.problem.data, dense)
        pairs = ((name, getattr(minimum.terms, name), getattr(terms, name)) for name in ("fit", "noise", "decay"))
        for name, claimed, recomputed in pairs:
            yield self._close(f"global_minimum.terms.{name}", claimed, recomputed, 1e-9 * abs(claimed) + rounding, True)
        claimed, slack = minimum.prediction_variance, 1e-9 * minimum.prediction_variance + rounding
        yield self._close("global_minimum.prediction_variance", claimed, terms.noise, slack, False)
        product, offset = end_to_end(dense)
        singular = np.linalg.svd(product, compute_uv=False)
        length = 1e-9 * max(float(singular[0]), 1e-300)
        yield self._array("global_minimum.end_to_end_map", minimum.end_to_end_map, product, length)
        yield self._array("global_minimum.output_offset", minimum.output_offset, offset, length + 1e-12)
        yield self._array("global_minimum.singular_values", minimum.singular_values, singular, length)
        rank = int(np.count_nonzero(singular > 1e-10 * max(float(singular[0]), 1e-300)))
        yield Comparison("global_minimum.rank", minimum.rank, rank, minimum.rank == rank)
        yield Comparison("global_minimum.trivial", str(minimum.trivial), str(rank == 0), minimum.trivial == (rank == 0))
        yield self._balance(network_layers=network.layers, dense=dense)
        yield from self._hessian(dense)

    def _array(self, field: str, claimed: FloatArray, recomputed: FloatArray, tolerance: float) -> Comparison:
        if claimed.shape != recomputed.shape:
            return Comparison(field, f"shape {claimed.shape}", f"shape {recomputed.shape}", agrees=False)
        worst = float(np.max(np.abs(claimed - recomputed), initial=0.0))
        return Comparison(field, "as returned", f"off by {worst:.1e}", worst <= tolerance)

    def _balance(self, network_layers: tuple[Layer, ...], dense: DenseParameters) -> Comparison:
        """Every entry of the gradient against the decay part of the same entry: one wrong weight shows."""
        network = replace(self.problem.network, layers=network_layers)
        gradient = gradient_of(network, self.problem.data, dense)
        worst = 0.0
        for layer, weight, slope in zip(network_layers, dense.weights, gradient.weights, strict=True):
            pull = 2.0 * layer.weight_decay * float(np.max(np.abs(weight)))
            floor = 1e-9 * pull + 1e-11 * float(np.linalg.norm(self.problem.data.xy)) * self._product_norm(
                dense, weight
            )
            worst = max(worst, float(np.max(np.abs(slope))) / max(floor, 1e-300))
        return Comparison("global_minimum.weights", "stationary", f"{worst:.1e} of the tolerance", worst <= 1.0)

    def _product_norm(self, dense: DenseParameters, but: FloatArray) -> float:
        """Size of what multiplies a layer: the product of the norms of the others."""
        norms = [float(np.linalg.norm(weight)) for weight in dense.weights if weight is not but]
        return float(np.prod(norms)) if norms else 1.0

    def _hessian(self, dense: DenseParameters) -> Iterator[Comparison]:
        size = sum(weight.size for weight in dense.weights) + sum(b.size for b in dense.biases if b is not None)
        same = all(
            layer.width == weight.shape[0]
            for layer, weight in zip(self.problem.network.layers, dense.weights, strict=True)
        )
        if size > MOST_HESSIAN or not same:
            self.skipped["class of the minimum"] = f"the Hessian is formed up to {MOST_HESSIAN} parameters"
            return
        values = np.linalg.eigvalsh(hessian_of(self.problem.network, self.problem.data, dense))
        curved = float(values[0]) >= -1e-8 * max(float(np.abs(values).max()), 1e-300)
        word = f"least Hessian eigenvalue {values[0]:.1e}"
        yield Comparison("stationary_points[class=global_minimum].class", "global_minimum", word, bool(curved))

    def _stationary_points(self) -> Iterator[Comparison]:
        reduced = reduced_of(self.problem)
        if reduced.n_hidden == 0 or reduced.log_kappa == -np.inf:
            self.skipped["stationary_points"] = "recomputed where every layer is decayed"
            return
        best = min([reduced.variance, *(point.loss for point in self.solution.stationary_points)])
        for index, point in enumerate(self.solution.stationary_points):
            at = f"stationary_points[{index}]"
            if point.kind is PointKind.ORIGIN:
                yield self._close(f"{at}.loss", point.loss, reduced.variance, 1e-9 * self.unit, True)
            if point.kind is not PointKind.BRANCH or not point.norm > 1e-100:
                continue
            norm = np.array([point.norm])
            yield self._close(
                f"{at}.loss", point.loss, float(loss_on_spheres(reduced, norm)[0]), 2e-9 * self.unit, True
            )
            rho = float(multiplier(reduced, norm * np.exp(reduced.log_factor))[0])
            wanted = float(
                np.exp(reduced.log_kappa + (reduced.power - 2.0) * (np.log(point.norm) + reduced.log_factor))
            )
            reach, bends = _along_norm(reduced, wanted)
            yield self._close(f"{at}.norm", rho, wanted, 3e-8 * abs(wanted) + 1e-13 * reach, False)
            minimum = point.point_class in (PointClass.GLOBAL_MINIMUM, PointClass.LOCAL_MINIMUM)
            is_best = point.loss <= best + 1e-12 * self.unit
            agrees = bends == minimum and (point.point_class is not PointClass.GLOBAL_MINIMUM or is_best)
            found = "a minimum along the norm" if bends else "a maximum along the norm"
            yield Comparison(f"{at}.class", point.point_class.value, found, agrees)

    def _origin(self) -> Iterator[Comparison]:
        origin, network = self.solution.origin, self.problem.network
        reduced = reduced_of(self.problem)
        parameters = sum(width * before for width, before in self._shapes())
        if origin.least_hessian_eigenvalue is not None and parameters <= MOST_HESSIAN and not network.bias_layers:
            zero = DenseParameters.without_biases([np.zeros(shape) for shape in self._shapes()])
            least = float(np.linalg.eigvalsh(hessian_of(network, self.problem.data, zero))[0])
            scale = max(abs(least), self.unit)
            yield self._close(
                "origin.least_hessian_eigenvalue", origin.least_hessian_eigenvalue, least, 1e-8 * scale, True
            )
        else:
            self.skipped["origin.least_hessian_eigenvalue"] = "recomputed for small networks without biases"
        if origin.barrier_height is None or reduced.n_hidden == 0 or reduced.log_kappa == -np.inf:
            return
        top = float(self.minimum.singular_values[0])
        height = 0.0 if top == 0.0 else _highest(self.problem, top)
        slack = 1e-8 * height + 1e-13 * self.problem.data.yy
        yield self._close("origin.barrier_height", origin.barrier_height, height, slack, True)

    def _shapes(self) -> list[tuple[int, int]]:
        widths = [self.problem.data.inputs, *(layer.width for layer in self.problem.network.layers)]
        return list(zip(widths[1:], widths[:-1], strict=True))

    def _thresholds(self) -> Iterator[Comparison]:
        claimed = self.solution.thresholds
        depth = self.problem.network.n_hidden
        if claimed.critical_decay_scale is not None:
            yield self._threshold("critical_decay_scale", claimed.critical_decay_scale, _decays_times, depth)
        if claimed.critical_noise_variance is not None and depth > 1:
            yield self._threshold("critical_noise_variance", claimed.critical_noise_variance, _noise_at, depth)
        if claimed.critical_noise_scale is not None and depth > 1:
            yield self._threshold("critical_noise_scale", claimed.critical_noise_scale, _noise_times, depth)
        self.skipped["thresholds.metastable_up_to_decay_scale"] = "ends no branch of global minima"

    def _threshold(self, name: str, claimed: float, change: "_Change", depth: int) -> Comparison:
        field = f"thresholds.{name}"
        if depth == 1:
            reduced = reduced_of(self.problem)
            closed = float(np.linalg.norm(reduced.linear)) * float(np.exp(-reduced.log_kappa))
            return self._close(field, claimed, closed, SHARP * closed, False)
        below = _collapsed(change(self.problem, claimed * (1.0 - SHARP)))
        above = _collapsed(change(self.problem, claimed * (1.0 + SHARP)))
        agrees = below is False and above is True
        word = {True: "zero", False: "not zero", None: "undecided"}
        return Comparison(field, claimed, f"below it {word[below]}, above it {word[above]}", agrees)


def _along_norm(reduced: ReducedProblem, ridge: float) -> tuple[float, bool]:
    """How far the multiplier moves as the norm grows by its own size, and whether the loss has a minimum there."""
    resolvent = 1.0 / (reduced.values + ridge)
    weights = reduced.squares * (resolvent / resolvent.max()) ** 2
    mean = float(np.sum(weights * resolvent) / np.sum(weights))
    return 1.0 / mean, ridge * mean < 0.5 * (reduced.n_hidden + 1.0) / reduced.n_hidden


_Change: TypeAlias = Callable[[Problem, float], Problem]


def _decays_times(problem: Problem, scale: float) -> Problem:
    layers = tuple(replace(layer, weight_decay=layer.weight_decay * scale) for layer in problem.network.layers)
    return replace(problem, network=replace(problem.network, layers=layers), memo={})


def _with_noise(problem: Problem, variances: FloatArray) -> Problem:
    hidden = (
        replace(layer, noise_variance=float(variance))
        for layer, variance in zip(problem.network.layers[:-1], variances, strict=True)
    )
    layers = (*hidden, problem.network.layers[-1])
    return replace(problem, network=replace(problem.network, layers=layers), memo={})


def _noise_at(problem: Problem, variance: float) -> Problem:
    return _with_noise(problem, np.full(problem.network.n_hidden, variance))


def _noise_times(problem: Problem, scale: float) -> Problem:
    return _with_noise(problem, problem.network.noise_variances * scale)


def _collapsed(problem: Problem) -> bool | None:
    """Whether the zero map is the minimum, by bounds alone; None if the bounds do not decide."""
    # the zero map wins or loses whatever the factor C outside, and C itself may be beyond double precision
    reduced = replace(reduce(problem.network, problem.data), log_factor=0.0)
    data = problem.data
    scales = Scales(float(np.linalg.norm(data.xx)), float(np.linalg.norm(data.xy)), data.yy)
    scale = float(np.sum(reduced.squares / reduced.values))
    # 3e-7 beyond a threshold the gain is some 1e-7 of what the data explain; rounding is below 1e-9 of it
    bound = norm_bound(reduced, scales, 2e-10 * scale, np.inf)
    if bound.gain > 2e-9 * scale:
        return False
    return True if bound.possible_gain <= 2e-9 * scale else None


def _highest(problem: Problem, top: float) -> float:
    """Largest rise of the loss on spheres over that of zero, for norms up to ``top``."""
    reduced = reduced_of(problem)
    norms = np.concatenate(([0.0], np.geomspace(1e-12 * top, top, 4000)))
    losses = loss_on_spheres(reduced, norms)
    at = int(np.argmax(losses))
    if at in (0, norms.size - 1):
        return max(0.0, float(losses[at]) - reduced.variance)
    found = minimize_scalar(
        lambda norm: -float(loss_on_spheres(reduced, np.array([norm]))[0]),
        bounds=(float(norms[at - 1]), float(norms[at + 1])),
        method="bounded",
        options={"xatol": 1e-10 * top},
    )
    return max(0.0, float(-found.fun) - reduced.variance)
