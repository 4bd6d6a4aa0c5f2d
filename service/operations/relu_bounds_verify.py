"""Checks the answer about a ReLU network that is only bounded: its loss from its weights, its bound from its errors."""

from typing import Any, Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import shapes_of
from service.core.ground.rules import Finding
from service.core.losses.dense import DenseParameters
from service.core.relu_bounds.critical import critical_beta
from service.core.relu_bounds.form import NAME
from service.core.relu_bounds.proofs import Proof, proved_again
from service.core.relu_bounds.search import BoundedSearch
from service.errors import InputError
from service.operations.mapping.certificate import finding_to_wire
from service.operations.mapping.findings import Findings
from service.operations.mapping.problem import MappedProblem
from service.operations.mapping.relu_bounds import METHODS, alive, is_attained, parts_of
from service.schemas.problem import ProblemDocument
from service.schemas.relu import ReluMinimaAnswer
from service.version import ENGINE_VERSION

SHARP: Final = 1e-9
MOST_CONES: Final = 200_000


def check_bounded(
    findings: Findings[ReluMinimaAnswer], mapped: MappedProblem, told: tuple[Finding, ...], asked: ProblemDocument
) -> None:
    """Compare every number of an answer with what its weights, its errors and its problem give.

    Raises
    ------
    InputError
        If the shapes of the answer are not those of its problem.
    """
    answer, search = findings.answer, BoundedSearch(mapped.core, MOST_CONES)
    factor = search.form.unit * mapped.scaling.loss
    findings.check("solver", NAME, findings.claimed["solver"] == NAME)
    findings.check("theorems", "none", not answer.theorems)
    findings.check("convention", asked.objective.convention.value, answer.convention is asked.objective.convention)
    documents = [finding_to_wire(finding).document() for finding in told]
    findings.check("hypotheses", "as examined here", [item.document() for item in answer.hypotheses] == documents)
    findings.check("engine_version", ENGINE_VERSION, answer.engine_version == ENGINE_VERSION)
    classes = None if mapped.data.classes is None else list(mapped.data.classes)
    findings.check("classes", "as in the data", answer.classes == classes)
    _network(findings, mapped, search)
    _bound(findings, search, factor)
    _critical(findings, mapped, search)
    findings.reasons["summary"] = "sentences that repeat the numbers"
    findings.reasons["certificate.cones"] = "effort of the search, not a claim"
    findings.reasons["certificate.searches"] = "effort of the search, not a claim"


def _near(claimed: float, found: float, unit: float = 0.0) -> bool:
    return abs(claimed - found) <= SHARP * max(abs(found), unit)


def _network(findings: Findings[ReluMinimaAnswer], mapped: MappedProblem, search: BoundedSearch) -> None:
    answer, at = findings.answer, "global_minimum"
    minimum, proof, scale = answer.global_minimum, answer.certificate, mapped.scaling.loss
    parameters = _parameters(answer, search)
    fit, decay = (scale * part for part in parts_of(search.problem, search.samples, parameters))
    loss, units = fit + decay, alive(parameters)
    nothing = scale * search.form.unit * search.floor
    findings.check(f"{at}.loss", loss, _near(minimum.loss, loss, max(abs(fit), nothing)))
    findings.check(f"{at}.terms.fit", fit, _near(minimum.terms.fit, fit, max(abs(loss), nothing)))
    findings.check(f"{at}.terms.decay", decay, _near(minimum.terms.decay, decay, max(abs(loss), nothing)))
    findings.check(f"{at}.weights", loss, agrees=True)
    if minimum.biases is not None:
        findings.check(f"{at}.biases", loss, agrees=True)
    findings.check(f"{at}.width_needed", units, minimum.width_needed == units)
    findings.check(f"{at}.trivial", not units, minimum.trivial == (not units))
    attained = is_attained(search)
    findings.check(f"{at}.attained", attained, minimum.attained == attained)
    findings.check("certificate.upper_bound", loss, loss <= proof.upper_bound + SHARP * max(abs(loss), nothing) * 1e-3)
    findings.check("certificate.upper_bound", loss, _near(proof.upper_bound, loss, max(abs(fit), nothing)))
    kind = "certified" if proof.relative_gap <= proof.tolerance else "bounded"
    findings.check("certificate.kind", kind, proof.kind == kind)
    findings.check("status", kind, answer.status.value == kind)
    unit = max(abs(proof.upper_bound), nothing, 1e-300)
    gap = max((proof.upper_bound - proof.lower_bound) / unit, 0.0)
    findings.check("certificate.relative_gap", gap, abs(gap - proof.relative_gap) <= 1e-12 + SHARP * gap)
    findings.check("certificate.lower_bound", "in order", proof.lower_bound <= proof.upper_bound)


def _parameters(answer: ReluMinimaAnswer, search: BoundedSearch) -> DenseParameters:
    network, minimum = search.problem.network, answer.global_minimum
    shapes = list(shapes_of(network, search.samples.x.shape[1]))
    given: list[FloatArray] = [np.array(matrix, dtype=float) for matrix in minimum.weights or []]
    if [weight.shape for weight in given] != shapes:
        raise InputError.at(("global_minimum", "weights"), "must fit the problem")
    listed: Any = minimum.biases or [None] * len(shapes)
    biases = [None if bias is None else np.array(bias, dtype=float) for bias in listed]
    wanted = [(shape[0],) if network.has_bias(index) else None for index, shape in enumerate(shapes)]
    if [None if bias is None else bias.shape for bias in biases] != wanted:
        raise InputError.at(("global_minimum", "biases"), "must fit the problem")
    return DenseParameters(tuple(given), tuple(biases))


def _bound(findings: Findings[ReluMinimaAnswer], search: BoundedSearch, factor: float) -> None:
    proof, objective = findings.answer.certificate, search.form.objective
    rules = [rule for rule, method in METHODS.items() if method == proof.method]
    findings.check("certificate.method", "a method of this engine", bool(rules))
    findings.check("certificate.beta", objective.beta, _near(proof.beta, objective.beta))
    findings.check("certificate.loss_per_sum", factor, _near(proof.loss_per_sum, factor))
    errors = np.array(proof.dual, dtype=float)
    if errors.shape != objective.loss.y.shape:
        count, outputs = objective.loss.y.shape
        raise InputError.at(("certificate", "dual"), f"must be {count} x {outputs}: a row for each sample")
    if not rules:
        return
    claim = Proof(rules[0], proof.lower_bound / factor, errors, proof.feature_bound)
    bound = proved_again(search.form, search.samples.x, claim, MOST_CONES)
    if bound is None:
        findings.check("certificate.feature_bound", "not proved here", agrees=False)
        return
    findings.check("certificate.feature_bound", proof.feature_bound, agrees=True)
    lower = factor * bound
    slack = SHARP * max(abs(lower), abs(proof.upper_bound))
    findings.check("certificate.lower_bound", lower, abs(proof.lower_bound - lower) <= slack)
    findings.check("certificate.dual", lower, agrees=True)


def _critical(findings: Findings[ReluMinimaAnswer], mapped: MappedProblem, search: BoundedSearch) -> None:
    claimed = findings.answer.critical_decay
    if claimed is None:
        return
    found, product = critical_beta(search), float(np.prod(np.sqrt(mapped.core.network.weight_decays[:2])))
    if found is None:
        findings.check("critical_decay", "not known here", agrees=False)
        return
    decay = found * product / search.form.objective.beta / mapped.scaling.decay
    findings.check("critical_decay", decay, abs(claimed - decay) <= 1e-7 * decay, how="solved_again")
