"""Certified ReLU minima between the core's form and the wire."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.rules import Finding
from service.core.relu.claims import loss_of
from service.core.relu.form import NAME, ReluForm
from service.core.relu.given.units import value_rounding
from service.core.relu.minima.uniqueness import uniqueness
from service.core.relu.minimum import floor_of
from service.core.relu.networks import HiddenUnits, Objective
from service.operations.mapping import certificate, losses
from service.operations.mapping import relu_networks as networks
from service.operations.mapping.certificate import outwards
from service.operations.mapping.hashing import problem_hash
from service.operations.mapping.problem import MappedProblem
from service.operations.plans.columns import numbers
from service.operations.summaries.relu import summary_of_relu
from service.schemas import relu as wire
from service.schemas.base import applicable, concise
from service.schemas.certificate import HypothesisFinding
from service.schemas.parts_relu import ReluState
from service.schemas.problem import ProblemDocument
from service.version import ENGINE_VERSION
from service.vocabulary import Convention, Status

THEOREMS: Final = ("R29",)
METHOD: Final = (
    "duality: errors whose correlation with every unit is bounded by branch and bound on cones of input weights"
)
RELAXED: Final = "duality: errors whose correlation with every unit is bounded by a spectral relaxation"
TOO_MANY: Final = "the rank of the inputs is too large to cut the space into cones"


@dataclass(frozen=True, slots=True)
class ReluHeading:
    """What the answer says of the request, ready to travel with the plan as JSON."""

    loss_per_sum: float
    decay_per_beta: float
    decays: list[float]
    unit: float
    bias_decays: list[float]
    ones: float | None
    output_bias: bool
    skip: bool
    by_limit: bool
    inputs: int
    width: int
    tolerance: float
    convention: str
    problem_hash: str
    classes: list[int] | None
    hypotheses: list[dict[str, Any]]
    problem: dict[str, Any] | None


def parameter_of(problem: ProblemDocument) -> float | None:
    """The parameter of the loss, if it has one."""
    return losses.parameter_of(problem.objective)


def heading(
    request: wire.ReluMinimaRequest, mapped: MappedProblem, form: ReluForm, findings: Sequence[Finding]
) -> ReluHeading:
    """What the answer needs beside the network and the bound."""
    classes = mapped.data.classes
    return ReluHeading(
        loss_per_sum=form.unit * mapped.scaling.loss,
        decay_per_beta=form.decay_per_beta / mapped.scaling.decay,
        decays=list(form.decays),
        unit=form.unit,
        bias_decays=list(mapped.core.network.bias_weight_decays),
        ones=form.ones,
        output_bias=form.output_bias,
        skip=form.skip,
        by_limit=form.by_limit,
        inputs=form.inputs,
        width=mapped.core.network.layers[0].width,
        tolerance=request.tolerance,
        convention=request.problem.objective.convention,
        problem_hash=problem_hash(request.problem),
        classes=None if classes is None else list(classes),
        hypotheses=[certificate.finding_to_wire(finding).document() for finding in findings],
        problem=concise(request.problem).model_dump(mode="json", by_alias=True, exclude_unset=True)
        if request.return_.problem
        else None,
    )


def to_wire(
    head: Mapping[str, Any], objective: Objective, units: HiddenUnits, state: ReluState
) -> wire.ReluMinimaAnswer:
    """The answer, validated: no number that is not finite leaves here."""
    factor, width, tolerance = float(head["loss_per_sum"]), int(head["width"]), float(head["tolerance"])
    form = ReluForm(
        objective=objective,
        unit=float(head["unit"]),
        decays=(float(head["decays"][0]), float(head["decays"][1])),
        ones=head["ones"],
        output_bias=bool(head["output_bias"]),
        skip=bool(head["skip"]),
        inputs=int(head["inputs"]),
        by_limit=bool(head["by_limit"]),
    )
    bias_decays = [float(decay) for decay in head["bias_decays"]]
    given = form.given(units)
    fit, decay = loss_of(form, objective.x[:, : form.inputs], given, bias_decays)
    upper = fit + decay + value_rounding(objective, units)
    gap = (upper - state.bound) / max(abs(upper), floor_of(objective), 1e-300)
    enough = len(given.first) <= width
    holds = gap <= tolerance and enough
    proof = wire.ReluCertificate(
        kind="certified" if holds else "bounded",
        upper_bound=outwards(upper, factor, np.inf),
        lower_bound=outwards(state.bound, factor, -np.inf),
        relative_gap=max(gap, 0.0),
        tolerance=tolerance,
        method=METHOD if state.cones or not state.relaxed else RELAXED,
        dual=numbers(state.dual).tolist(),
        feature_bound=state.feature_bound,
        beta=objective.beta,
        loss_per_sum=factor,
        cones=state.cones,
        searches=state.searches,
    )
    unique = uniqueness(objective, numbers(state.dual), upper - state.bound) if holds else networks.OPEN
    narrow = None if enough else networks.narrow_of(form, units, bias_decays, factor, width, proof.lower_bound)
    reasons: dict[str, str] = {}
    if state.critical is None:
        reasons["critical_decay"] = TOO_MANY
    missing = _missing(state)
    if missing is None:
        reasons["missing_unit"] = "the gap is closed" if gap <= tolerance else "the search found none"
    answer = wire.ReluMinimaAnswer(
        status=Status.CERTIFIED if holds else Status.BOUNDED,
        summary=[],
        solver=NAME,
        theorems=list(THEOREMS),
        global_minimum=networks.network_of(form, units, bias_decays, factor, enough, unique),
        certificate=proof,
        critical_decay=None if state.critical is None else state.critical * float(head["decay_per_beta"]),
        missing_unit=missing,
        within_width=narrow,
        hypotheses=[HypothesisFinding.model_validate(finding) for finding in head["hypotheses"]],
        classes=None if head["classes"] is None else [int(label) for label in head["classes"]],
        convention=Convention(head["convention"]),
        reasons=reasons,
        engine_version=ENGINE_VERSION,
        problem_hash=head["problem_hash"],
        problem=None if head["problem"] is None else ProblemDocument.model_validate(head["problem"]),
    )
    answer.summary.extend(summary_of_relu(answer, width))
    return applicable(answer, "classes", "problem", "within_width", "path")


def _missing(state: ReluState) -> wire.MissingUnit | None:
    direction: FloatArray = numbers(state.direction)
    if not len(direction):
        return None
    return wire.MissingUnit(direction=direction.tolist(), sign=int(state.sign), correlation=state.correlation)
