"""Checks a ReLU answer field by field: its loss from its weights, its bound from its dual errors."""

from typing import Any, Final

import numpy as np

from service.core.relu.claims import loss_of, proved_bound
from service.core.relu.critical import critical_beta
from service.core.relu.form import NAME, GivenWeights, ReluForm, examined, form_of
from service.core.relu.given.units import given_units
from service.core.relu.minima.uniqueness import uniqueness
from service.core.relu_bounds import form as bounds_form
from service.errors import FieldError, InputError, NotCovered
from service.operations.mapping import problem as problem_mapping
from service.operations.mapping.certificate import finding_to_wire
from service.operations.mapping.fields import leaves
from service.operations.mapping.findings import Findings, report
from service.operations.mapping.hashing import problem_hash
from service.operations.mapping.locations import located
from service.operations.mapping.problem import MappedProblem
from service.operations.mapping.relu import METHOD, RELAXED, THEOREMS, parameter_of
from service.operations.relu_bounds_verify import check_bounded
from service.schemas.problem import ProblemDocument
from service.schemas.relu import NarrowNetwork, ReluMinimaAnswer, ReluNetwork
from service.schemas.verification import VerificationAnswer
from service.settings import Limits
from service.version import ENGINE_VERSION

SHARP: Final = 1e-9
MOST_CONES: Final = 400_000
"""Cones of each sign that a proof may need here."""


def verify_relu(answer: ReluMinimaAnswer, limits: Limits, problem: ProblemDocument | None = None) -> VerificationAnswer:
    """Compare every number of an answer with what its weights, its dual errors and its problem give.

    Parameters
    ----------
    answer : ReluMinimaAnswer
    limits : Limits
    problem : ProblemDocument, optional
        Needed if the answer does not repeat it.

    Raises
    ------
    InputError
        If there is no problem to check against, or the shapes of the answer are not those of its problem.
    """
    asked = answer.problem if problem is None else problem
    if asked is None:
        raise InputError.at(("problem",), "is required: the answer does not repeat it, so give it beside the answer")
    document = answer.model_dump(mode="json", exclude_unset=True, exclude={"problem"})
    findings = Findings(answer, dict(leaves(document)), ENGINE_VERSION)
    for given in (answer.problem, problem):
        if given is not None:
            findings.check("problem_hash", problem_hash(given), problem_hash(given) == answer.problem_hash)
    with located(("problem",)):
        mapped = problem_mapping.to_core(asked, limits, relu=True)
    try:
        told = [finding_to_wire(finding) for finding in examined(mapped.core)]
    except NotCovered:
        return _bounded(findings, mapped, asked)
    form = form_of(mapped.core, parameter_of(asked))
    factor = form.unit * mapped.scaling.loss
    _words(findings, answer, [finding.document() for finding in told], asked)
    classes = None if mapped.data.classes is None else list(mapped.data.classes)
    findings.check("classes", "as in the data", answer.classes == classes)
    _network(findings, answer, mapped, form, factor)
    _bounds(findings, answer, form, factor)
    _missing(findings, answer, mapped, form)
    _critical(findings, answer, mapped, form)
    findings.reasons["summary"] = "sentences that repeat the numbers"
    if answer.path is not None:
        findings.reasons["path"] = (
            "the errors that prove its knots are not part of the answer; ask for each as a problem"
        )
    findings.reasons["certificate.cones"] = "effort of the search, not a claim"
    findings.reasons["certificate.searches"] = "effort of the search, not a claim"
    return report(findings)


def _bounded(findings: Findings[ReluMinimaAnswer], mapped: MappedProblem, asked: ProblemDocument) -> VerificationAnswer:
    try:
        told = bounds_form.examined(mapped.core)
    except NotCovered as error:
        findings.check("solver", error.detail, agrees=False)
        return report(findings)
    check_bounded(findings, mapped, told, asked)
    return report(findings)


def _near(claimed: float, found: float, unit: float = 0.0) -> bool:
    return abs(claimed - found) <= SHARP * max(abs(found), unit)


def _words(
    findings: Findings[ReluMinimaAnswer], answer: ReluMinimaAnswer, told: list[Any], asked: ProblemDocument
) -> None:
    findings.check("solver", NAME, findings.claimed["solver"] == NAME)
    findings.check("theorems", ", ".join(THEOREMS), tuple(answer.theorems) == THEOREMS)
    known = answer.certificate.method in (METHOD, RELAXED)
    findings.check("certificate.method", "a method of this engine", known)
    findings.check("convention", asked.objective.convention.value, answer.convention is asked.objective.convention)
    findings.check("hypotheses", "as examined here", [item.document() for item in answer.hypotheses] == told)
    findings.check("engine_version", ENGINE_VERSION, answer.engine_version == ENGINE_VERSION)


def _network(
    findings: Findings[ReluMinimaAnswer], answer: ReluMinimaAnswer, mapped: MappedProblem, form: ReluForm, factor: float
) -> None:
    minimum, proof, network = answer.global_minimum, answer.certificate, mapped.core.network
    given = _given(minimum, form)
    x = form.objective.x[:, : form.inputs]
    fit, decay = (factor * part for part in loss_of(form, x, given, network.bias_weight_decays))
    loss, units, at = fit + decay, len(given.first), "global_minimum"
    findings.check(f"{at}.loss", loss, _near(minimum.loss, loss, abs(fit)))
    findings.check(f"{at}.terms.fit", fit, _near(minimum.terms.fit, fit, abs(loss)))
    findings.check(f"{at}.terms.decay", decay, _near(minimum.terms.decay, decay, abs(loss)))
    findings.check(f"{at}.weights", loss, agrees=True)
    for name in ("biases", "skip_weights"):
        if getattr(minimum, name) is not None:
            findings.check(f"{at}.{name}", loss, agrees=True)
    findings.check(f"{at}.width_needed", units, minimum.width_needed == units)
    trivial = not given.first.any() and not given.hidden_bias[given.first.any(axis=1)].any()
    findings.check(f"{at}.trivial", trivial, minimum.trivial == trivial)
    enough = units <= network.layers[0].width
    attained = enough and not (form.by_limit and bool((given.hidden_bias[~given.first.any(axis=1)] != 0.0).any()))
    findings.check(f"{at}.attained", attained, minimum.attained == attained)
    _narrow(findings, answer, form, network.bias_weight_decays, factor)
    findings.check("certificate.upper_bound", loss, loss <= proof.upper_bound + SHARP * abs(loss) * 1e-3)
    findings.check("certificate.upper_bound", loss, _near(proof.upper_bound, loss, abs(fit)))
    closed = proof.relative_gap <= proof.tolerance and enough
    kind = "certified" if closed else "bounded"
    findings.check("certificate.kind", kind, proof.kind == kind)
    findings.check("status", kind, answer.status.value == kind)
    nothing = factor * form.objective.loss.value(np.zeros(len(x)))
    unit = max(abs(proof.upper_bound), 1e-6 * abs(nothing), 1e-300)
    gap = max((proof.upper_bound - proof.lower_bound) / unit, 0.0)
    findings.check("certificate.relative_gap", gap, abs(gap - proof.relative_gap) <= 1e-12 + SHARP * gap)
    findings.check("certificate.lower_bound", "in order", proof.lower_bound <= proof.upper_bound)


def _narrow(
    findings: Findings[ReluMinimaAnswer],
    answer: ReluMinimaAnswer,
    form: ReluForm,
    bias_decays: tuple[float, ...],
    factor: float,
) -> None:
    """The network of the width that was asked for, where the answer has one."""
    narrow, at = answer.within_width, "within_width"
    if narrow is None:
        return
    x = form.objective.x[:, : form.inputs]
    fit, decay = (factor * part for part in loss_of(form, x, _given(narrow, form, at), bias_decays))
    loss, lower = fit + decay, answer.certificate.lower_bound
    for name, claimed, found in (
        ("loss", narrow.loss, loss),
        ("terms.fit", narrow.terms.fit, fit),
        ("terms.decay", narrow.terms.decay, decay),
    ):
        findings.check(f"{at}.{name}", found, _near(claimed, found, abs(loss)))
    gap = max((loss - lower) / abs(loss), 0.0) if loss else 0.0
    findings.check(f"{at}.relative_gap", gap, abs(gap - narrow.relative_gap) <= 1e-9)
    for name in ("weights", "biases", "skip_weights"):
        if getattr(narrow, name) is not None:
            findings.check(f"{at}.{name}", loss, agrees=True)


def _given(minimum: ReluNetwork | NarrowNetwork, form: ReluForm, at: str = "global_minimum") -> GivenWeights:
    """The weights of an answer; what is absent is zero."""
    first, second = np.zeros((0, form.inputs)), np.zeros((1, 0))
    if minimum.weights is not None:
        if len(minimum.weights) != 2:
            raise InputError.at((at, "weights"), "must fit the problem")
        first, second = (np.array(matrix, dtype=float) for matrix in minimum.weights)
    units = len(first)
    biases = minimum.biases or [None, None]
    parts = {
        "weights": (first, (units, form.inputs)),
        "biases": (np.array(biases[0] if biases[0] is not None else np.zeros(units)), (units,)),
        "skip_weights": (np.array(minimum.skip_weights or np.zeros((1, form.inputs))), (1, form.inputs)),
    }
    wrong = [name for name, (array, shape) in parts.items() if array.shape != shape]
    if second.shape != (1, units) or len(biases) != 2:
        wrong.append("weights")
    if wrong:
        raise InputError([FieldError((at, name), "must fit the problem") for name in sorted(set(wrong))])
    offset = float(biases[1][0]) if biases[1] is not None else 0.0
    return GivenWeights(first, second, parts["biases"][0], offset, parts["skip_weights"][0][0])


def _bounds(findings: Findings[ReluMinimaAnswer], answer: ReluMinimaAnswer, form: ReluForm, factor: float) -> None:
    """The dual errors prove the bound, if branch and bound proves what is claimed of them."""
    proof, objective = answer.certificate, form.objective
    errors = np.array(proof.dual, dtype=float)
    findings.check("certificate.beta", objective.beta, _near(proof.beta, objective.beta))
    findings.check("certificate.loss_per_sum", factor, _near(proof.loss_per_sum, factor))
    if errors.shape != (len(objective.x),):
        raise InputError.at(("certificate", "dual"), f"must have {len(objective.x)} entries, one a sample")
    bound = proved_bound(objective, errors, proof.feature_bound, MOST_CONES)
    if bound is None:
        findings.check("certificate.feature_bound", "not proved here", agrees=False)
        return
    findings.check("certificate.feature_bound", proof.feature_bound, agrees=True)
    lower = factor * bound
    slack = SHARP * max(abs(lower), abs(proof.upper_bound))
    findings.check("certificate.lower_bound", lower, abs(proof.lower_bound - lower) <= slack)
    findings.check("certificate.dual", lower, agrees=True)
    if answer.global_minimum.unique:
        proved = uniqueness(objective, errors, (proof.upper_bound - proof.lower_bound) / factor).proved
        findings.check("global_minimum.unique", proved, proved and proof.kind == "certified")


def _missing(
    findings: Findings[ReluMinimaAnswer], answer: ReluMinimaAnswer, mapped: MappedProblem, form: ReluForm
) -> None:
    """The missing unit's correlation with the errors of the returned weights, where these have errors of their own."""
    unit, objective = answer.missing_unit, form.objective
    if unit is None:
        return
    direction = np.array(unit.direction, dtype=float)
    if direction.shape != (objective.x.shape[1],):
        raise InputError.at(("missing_unit", "direction"), f"must have {objective.x.shape[1]} entries")
    size = float(np.sqrt(direction @ direction))
    findings.check("missing_unit.direction", size, abs(size - 1.0) <= SHARP)
    findings.check("missing_unit.sign", "-1 or 1", unit.sign in (-1, 1))
    if objective.loss.has_kinks:
        findings.reasons["missing_unit.correlation"] = "at kinks of the loss the errors are not those of the weights"
        return
    units = given_units(form, _given(answer.global_minimum, form), mapped.core.network.bias_weight_decays).units
    errors = objective.admissible(objective.errors(units))
    found = unit.sign * float(errors @ objective.features(direction[None])[:, 0])
    agrees = abs(unit.correlation - found) <= 1e-7 * max(abs(found), objective.beta)
    findings.check("missing_unit.correlation", found, agrees)


def _critical(
    findings: Findings[ReluMinimaAnswer], answer: ReluMinimaAnswer, mapped: MappedProblem, form: ReluForm
) -> None:
    if answer.critical_decay is None:
        return
    found = critical_beta(form.objective, MOST_CONES)
    decay = found.value * form.decay_per_beta / mapped.scaling.decay
    findings.check("critical_decay", decay, abs(answer.critical_decay - decay) <= 1e-7 * decay, how="solved_again")
