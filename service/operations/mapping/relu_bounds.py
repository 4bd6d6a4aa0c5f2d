"""Bounds of ReLU networks that duality does not solve, between the core and the wire."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem, Samples
from service.core.ground.rules import Finding
from service.core.losses.dense import DenseParameters
from service.core.losses.nonlinear import data_loss, decay_of, outputs_of
from service.core.relu.rows import EPS
from service.core.relu_bounds.form import NAME
from service.core.relu_bounds.proofs import INCONSISTENT, LAYERS, OUTPUTS, Proof
from service.core.relu_bounds.search import BoundedSearch
from service.operations.mapping import certificate
from service.operations.mapping.certificate import outwards
from service.operations.mapping.hashing import problem_hash
from service.operations.mapping.problem import MappedProblem
from service.operations.summaries.relu import summary_of_bounded
from service.schemas import relu as wire
from service.schemas.base import applicable, concise
from service.schemas.certificate import HypothesisFinding
from service.schemas.problem import ProblemDocument
from service.version import ENGINE_VERSION
from service.vocabulary import Convention, Status

METHODS: Final[Mapping[str, str]] = {
    OUTPUTS: "duality: errors of all outputs whose correlations with every unit are bounded in length by branch and "
    "bound on cones of input weights",
    LAYERS: "duality: errors whose positive and negative parts bound what any stack of ReLU layers can add, by the "
    "product of the lengths of its weights",
    INCONSISTENT: "equal inputs with different targets, which no function of the inputs can tell apart",
}
NOT_UNIQUE: Final = "uniqueness is not proved where there are bounds only"


@dataclass(frozen=True, slots=True)
class BoundedHeading:
    """What the answer says of the request, ready to travel with the plan as JSON."""

    loss_per_sum: float
    decay_per_beta: float
    tolerance: float
    convention: str
    problem_hash: str
    classes: list[int] | None
    hypotheses: list[dict[str, Any]]
    problem: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class BoundedResult:
    """What a search ended with.

    Attributes
    ----------
    parameters : DenseParameters
    proof : Proof
    cones, searches : int
    critical : float or None
        Beta from which no unit is worth its decay, where that is known.
    """

    parameters: DenseParameters
    proof: Proof
    cones: int
    searches: int
    critical: float | None


def heading(
    request: wire.ReluMinimaRequest, mapped: MappedProblem, search: BoundedSearch, findings: Sequence[Finding]
) -> BoundedHeading:
    """What the answer needs beside the network and the bound."""
    classes, beta = mapped.data.classes, search.form.objective.beta
    product = float(np.prod(np.sqrt(mapped.core.network.weight_decays[:2])))
    return BoundedHeading(
        loss_per_sum=search.form.unit * mapped.scaling.loss,
        decay_per_beta=product / beta / mapped.scaling.decay if beta > 0.0 else 0.0,
        tolerance=request.tolerance,
        convention=request.problem.objective.convention,
        problem_hash=problem_hash(request.problem),
        classes=None if classes is None else list(classes),
        hypotheses=[certificate.finding_to_wire(finding).document() for finding in findings],
        problem=concise(request.problem).model_dump(mode="json", by_alias=True, exclude_unset=True)
        if request.return_.problem
        else None,
    )


def to_wire(head: Mapping[str, Any], search: BoundedSearch, found: BoundedResult) -> wire.ReluMinimaAnswer:
    """The answer, validated: no number that is not finite leaves here."""
    factor, tolerance, unit = float(head["loss_per_sum"]), float(head["tolerance"]), search.form.unit
    samples, proof = search.samples, found.proof
    fit, decay = parts_of(search.problem, samples, found.parameters)
    upper = (fit + decay) / unit + _rounding(search, found.parameters)
    gap = max((upper - proof.bound) / max(abs(upper), search.floor, 1e-300), 0.0)
    holds = gap <= tolerance
    reasons = {"missing_unit": "the gap is closed" if holds else "bounds only: none is returned"}
    if found.critical is None:
        reasons["critical_decay"] = _no_critical(search)
    answer = wire.ReluMinimaAnswer(
        status=Status.CERTIFIED if holds else Status.BOUNDED,
        summary=[],
        solver=NAME,
        theorems=[],
        global_minimum=_network(search, found.parameters, fit * factor / unit, decay * factor / unit),
        certificate=wire.ReluCertificate(
            kind="certified" if holds else "bounded",
            upper_bound=outwards(upper, factor, np.inf),
            lower_bound=outwards(proof.bound, factor, -np.inf),
            relative_gap=gap,
            tolerance=tolerance,
            method=METHODS[proof.rule],
            dual=proof.errors.tolist(),
            feature_bound=proof.feature_bound,
            beta=search.form.objective.beta,
            loss_per_sum=factor,
            cones=found.cones,
            searches=found.searches,
        ),
        critical_decay=None if found.critical is None else found.critical * float(head["decay_per_beta"]),
        missing_unit=None,
        hypotheses=[HypothesisFinding.model_validate(finding) for finding in head["hypotheses"]],
        classes=None if head["classes"] is None else [int(label) for label in head["classes"]],
        convention=Convention(head["convention"]),
        reasons=reasons,
        engine_version=ENGINE_VERSION,
        problem_hash=head["problem_hash"],
        problem=None if head["problem"] is None else ProblemDocument.model_validate(head["problem"]),
    )
    answer.summary.extend(summary_of_bounded(answer, proof.rule))
    return applicable(answer, "classes", "problem", "within_width", "path")


def parts_of(problem: Problem, samples: Samples, parameters: DenseParameters) -> tuple[float, float]:
    """Fit and decay of a network, in the core's convention."""
    outputs = outputs_of(problem.network, parameters, samples.x)
    fit = data_loss(problem.loss, outputs, samples.y, samples.weights, samples.loss_parameter)[0]
    return fit, decay_of(problem.network, parameters)


def alive(parameters: DenseParameters) -> int:
    """Number of hidden units with a weight on both sides."""
    weights = parameters.weights
    return sum(
        int((np.any(before != 0.0, axis=1) & np.any(after != 0.0, axis=0)).sum()) for before, after in pairwise(weights)
    )


def _network(search: BoundedSearch, parameters: DenseParameters, fit: float, decay: float) -> wire.ReluNetwork:
    units = alive(parameters)
    biases = [None if bias is None else bias.tolist() for bias in parameters.biases]
    return applicable(
        wire.ReluNetwork(
            loss=fit + decay,
            terms=wire.ReluTerms(fit=fit, decay=decay),
            trivial=not units,
            attained=is_attained(search),
            width_needed=units,
            unique=None,
            weights=[weight.tolist() for weight in parameters.weights],
            biases=biases if search.problem.network.bias_layers else None,
            reasons={"unique": NOT_UNIQUE},
        ),
        "biases",
        "skip_weights",
    )


def is_attained(search: BoundedSearch) -> bool:
    """Whether some weights attain the infimum, as far as that follows from the decays alone.

    It is not so where decay vanishes as weights of another layer grow, or as a hidden bias without decay does.
    """
    network = search.problem.network
    decays, biases = network.weight_decays > 0.0, network.bias_weight_decays
    free = network.has_bias(0) and not (biases and biases[0] > 0.0) and not network.has_bias(network.n_layers - 1)
    return bool(decays.all() or not decays.any()) and not (free and decays.any())


def _no_critical(search: BoundedSearch) -> str:
    if search.form.layers > 2:
        return "known for two layers only"
    return "a layer has no decay" if search.form.objective.beta <= 0.0 else "its search has not ended"


def _rounding(search: BoundedSearch, parameters: DenseParameters) -> float:
    """What rounding can take from the value of a network: of predictions, times their slopes, and of sums."""
    samples, loss = search.samples, search.form.objective.loss
    sizes: FloatArray = np.abs(samples.x)
    for weight, bias in zip(parameters.weights, parameters.biases, strict=True):
        sizes = sizes @ np.abs(weight).T + (0.0 if bias is None else np.abs(bias))
    terms = sum(weight.shape[1] + 4 for weight in parameters.weights)
    outputs = outputs_of(search.problem.network, parameters, samples.x)
    slopes, each = np.abs(loss.slope(outputs)), np.abs(loss.each(outputs))
    decay = decay_of(search.problem.network, parameters) / search.form.unit
    return float(EPS * (terms * np.vdot(slopes, sizes) + (each.size + 8) * each.sum() + 8 * decay))
