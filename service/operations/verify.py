"""Checks an answer field by field: from its weights, by solving again, and by the hash of the problem."""

from typing import Final

import numpy as np

from service.core import catalogue
from service.core.asked.verification.comparison import Comparison, Verification, input_scales
from service.core.asked.verification.vae import ClaimedVae, verify_vae
from service.core.asked.verification.whole import verify as verify_in_core
from service.core.models.vae_bounds import gap_unit
from service.core.one_output.norm_bound import GAP_TOLERANCE
from service.errors import InputError, NotCovered, NumericalError
from service.operations.mapping import again as again_mapping
from service.operations.mapping import claims
from service.operations.mapping.again import ROUNDING, SHARP
from service.operations.mapping.fields import Leaf, leaves, shown
from service.operations.mapping.findings import Findings, report
from service.operations.mapping.hashing import problem_hash
from service.operations.mapping.locations import located
from service.operations.mapping.problem import MappedProblem
from service.operations.mapping.recognised import is_relu, refuse_others
from service.operations.minima import minima, parse, to_core
from service.operations.relu_verify import verify_relu
from service.schemas.minima import MinimaAnswer
from service.schemas.parsing import validated
from service.schemas.problem import ProblemDocument
from service.schemas.relu import ReluMinimaAnswer
from service.schemas.request import MinimaRequest, ReturnOptions
from service.schemas.verification import VerificationAnswer
from service.settings import Limits
from service.version import ENGINE_VERSION
from service.vocabulary import Model

LEAST: Final = 5e-324
"""The least positive number."""
WEIGHTS: Final = "global_minimum.weights"


def parse_answer(body: object) -> MinimaAnswer | ReluMinimaAnswer:
    """Read an answer; `InputError` with locations in it, or with the name of what it is instead."""
    if is_relu(body):
        return validated(ReluMinimaAnswer, body)
    refuse_others(body)
    return validated(MinimaAnswer, body)


def parse_problem(body: object) -> ProblemDocument:
    """Read the problem of a request, bare or wrapped."""
    return parse(body).request.problem


def verify(
    answer: MinimaAnswer | ReluMinimaAnswer, limits: Limits, problem: ProblemDocument | None = None
) -> VerificationAnswer:
    """Compare every number of an answer with what its weights, its problem and this engine give.

    Parameters
    ----------
    answer : MinimaAnswer or ReluMinimaAnswer
        Of this engine or of an earlier one, whose bounds are then held against today's arithmetic.
    limits : Limits
    problem : ProblemDocument, optional
        Needed if the answer does not repeat it; if it does, both must be the same.

    Raises
    ------
    InputError
        If there is no problem to check against, or the answer contradicts its own shapes.
    """
    if isinstance(answer, ReluMinimaAnswer):
        return verify_relu(answer, limits, problem)
    asked = answer.problem if problem is None else problem
    if asked is None:
        raise InputError.at(("problem",), "is required: the answer does not repeat it, so give it beside the answer")
    returned = ReturnOptions(map=answer.global_minimum.end_to_end_map is not None)
    request = MinimaRequest(problem=asked, include=again_mapping.included_in(answer))
    request = request.model_copy(update={"return_": returned})
    findings = Findings(answer, _leaves(answer), ENGINE_VERSION)
    with located(("problem",)):
        mapped, again = _solved(findings, request, limits)
    _hashes(findings, problem)
    if mapped is not None:
        _certificate(findings, mapped)
        _from_weights(findings, mapped, again)
        if again is not None:
            _solved_again(findings, mapped, again)
    return report(findings)


def _leaves(answer: MinimaAnswer) -> dict[str, Leaf]:
    """What stands in an answer at each path, without the problem."""
    return dict(leaves(answer.model_dump(mode="json", exclude_unset=True, exclude={"problem"})))


def _hashes(findings: Findings[MinimaAnswer], given: ProblemDocument | None) -> None:
    answer = findings.answer
    if not findings.same_engine:
        findings.notes.append(
            f"the answer is of engine {answer.engine_version}: its numbers are compared with those of engine "
            f"{findings.engine_version}, its texts are not compared, and a weaker true statement is accepted"
        )
    for problem in (answer.problem, given):
        if problem is None:
            continue
        found = problem_hash(problem)
        if found == answer.problem_hash or findings.same_engine:
            findings.check("problem_hash", found, found == answer.problem_hash)
            continue
        findings.reasons["problem_hash"] = findings.reasons["problem"] = (
            f"engine {answer.engine_version} may hash in another form: this one has {found}"
        )
        findings.notes.append(
            "problem_hash is not that of the problem here: engines before this one may have hashed another form of "
            "it, or it is another problem; the numbers are checked against the problem as it stands"
        )


def _solved(
    findings: Findings[MinimaAnswer], request: MinimaRequest, limits: Limits
) -> tuple[MappedProblem | None, MinimaAnswer | None]:
    """The problem in the core's words and this engine's answer; what cannot be had is noted."""
    mapped = None
    try:
        mapped = to_core(request, limits, other_models=True)
        with np.errstate(all="ignore"):
            return mapped, minima(request, limits)
    except NotCovered as error:
        if findings.same_engine:
            findings.check("solver", "no solver covers this problem", agrees=False, how="solved_again")
        else:
            findings.missing["solver"] = f"this engine does not cover the problem: {error.detail}"
    except NumericalError as error:
        findings.missing["solver"] = f"this engine could not solve the problem again: {error.detail}"
    return mapped, None


def _certificate(findings: Findings[MinimaAnswer], mapped: MappedProblem) -> None:
    """The gap follows from the two bounds, which are in order, and kind and status from the gap and the checks."""
    claimed = findings.answer.certificate
    factor = mapped.scaling.loss
    unit = _unit(findings, mapped, claimed.upper_bound / factor) * factor
    gap = (claimed.upper_bound - claimed.lower_bound) / max(unit, LEAST)
    # bounds below the normal numbers are reported to the next one, the gap between them is not
    agrees = abs(claimed.relative_gap - gap) <= SHARP * abs(gap) + ROUNDING + 4.0 * LEAST / max(unit, LEAST)
    # other engines may have had another unit, in which a closed gap is another number
    still_closed = not findings.same_engine and 0.0 <= gap <= GAP_TOLERANCE
    findings.check("certificate.relative_gap", gap, agrees or still_closed)
    if claimed.relative_gap < 0.0:
        findings.check("certificate.relative_gap", "negative: the bounds are not in order", agrees=False)
    if claimed.lower_bound > claimed.upper_bound:
        findings.check("certificate.lower_bound", "above the upper bound", agrees=False)
    passed = [check.value <= check.tolerance for check in claimed.checks]
    kind = "certified" if 0.0 <= claimed.relative_gap <= claimed.tolerance and all(passed) else "bounded"
    findings.check("certificate.kind", kind, claimed.kind == kind)
    if (findings.answer.status == "bounded") != (claimed.kind == "bounded"):
        findings.check("status", f"the certificate is {claimed.kind}", agrees=False)
    for index, (check, holds) in enumerate(zip(claimed.checks, passed, strict=True)):
        if check.passed != holds:
            findings.check(f"certificate.checks[{index}].passed", holds, agrees=False)


def _from_weights(findings: Findings[MinimaAnswer], mapped: MappedProblem, again: MinimaAnswer | None) -> None:
    """What the core recomputes without a solver, which needs the weights of a minimum that is attained."""
    minimum = findings.answer.global_minimum
    attained = minimum.attained if again is None else again.global_minimum.attained
    if minimum.weights is None and (attained or minimum.attained):
        findings.missing[WEIGHTS] = "not returned, so nothing was recomputed from them"
        return
    if minimum.weights is not None and not minimum.attained:
        findings.check("global_minimum.attained", "weights are given that attain the loss", agrees=False)
    claimed = claims.to_core(findings.answer, mapped, attained=minimum.weights is not None)
    try:
        checked = _recomputed(findings, mapped, claimed)
    except (ArithmeticError, np.linalg.LinAlgError, NumericalError):
        findings.missing[WEIGHTS] = "nothing can be recomputed from them in double precision"
        return
    for item in checked.comparisons:
        if item.field == again_mapping.MAP and minimum.end_to_end_map is None:
            # nothing was claimed: it was made from the weights
            continue
        findings.check(item.field, _reported(item, mapped.scaling.loss), item.agrees)
    findings.reasons |= checked.not_covered


def _recomputed(findings: Findings[MinimaAnswer], mapped: MappedProblem, claimed: claims.Claimed) -> Verification:
    if mapped.vae is None:
        return verify_in_core(mapped.core, claimed.solution, claimed.certificate)
    variational = findings.answer.variational
    if catalogue.model_of(claimed.solution) is not Model.LINEAR_VAE:
        return Verification((Comparison("solver", "no solver of variational autoencoders", agrees=False),), {})
    if variational is None:
        findings.missing["variational"] = "not there, so that the variances are unknown"
        return Verification((), {})
    noise = np.array([latent.encoder_variance for latent in variational.latents])
    if noise.size != mapped.vae.latent or not np.all(noise > 0.0) or not variational.decoder_variance > 0.0:
        raise InputError.at(("variational",), "must hold one positive variance for each latent and the decoder's")
    claim = ClaimedVae(claimed.solution.minimum, claimed.certificate, noise, variational.decoder_variance)
    return verify_vae(mapped.core, mapped.vae, claim)


def _unit(findings: Findings[MinimaAnswer], mapped: MappedProblem, upper: float) -> float:
    """What gaps are relative to, in the core's convention."""
    variational = findings.answer.variational
    if mapped.vae is None or variational is None or not variational.decoder_variance > 0.0:
        return mapped.core.unit(upper)
    return gap_unit(mapped.core, mapped.vae, upper, variational.decoder_variance)


def _reported(item: Comparison, factor: float) -> float | bool | str:
    scales = item.scales_with_loss and not isinstance(item.found, str)
    return float(item.found) * factor if scales else item.found


def _solved_again(findings: Findings[MinimaAnswer], mapped: MappedProblem, again: MinimaAnswer) -> None:
    found = _leaves(again)
    units = again_mapping.units_of(again, mapped.core, mapped.scaling.loss)
    both = again_mapping.Leaves(
        findings.claimed, found, units, input_scales(mapped.core), findings.same_engine, findings.closed
    )
    for path, agrees in again_mapping.compared(both):
        findings.check(path, shown(found, path), agrees, "solved_again")
