"""Checks an answer field by field: from its weights, by solving again, and by the hash of the problem."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

from service.core.models.vae_verification import Claim, verify_vae
from service.core.verification.comparison import Comparison
from service.core.verification.whole import verify as verify_in_core
from service.errors import InputError
from service.operations.mapping import claims
from service.operations.mapping import problem as problem_mapping
from service.operations.mapping.conventions import Scaling
from service.operations.mapping.hashing import problem_hash
from service.operations.mapping.locations import located
from service.operations.minima import minima, parse
from service.schemas.minima import MinimaAnswer
from service.schemas.parsing import validated
from service.schemas.problem import Problem
from service.schemas.request import MinimaRequest
from service.schemas.verification import VerificationAnswer
from service.settings import Limits
from service.version import ENGINE_VERSION
from service.vocabulary import PointKind

SHARP: Final = 3e-7
ROUNDING: Final = 1e-14
# checked otherwise, or (words and conditioning) not the same on every machine and version
NOT_SOLVED_AGAIN: Final = (
    "global_minimum.weights",
    "global_minimum.biases",
    "global_minimum.skip_weights",
    "certificate.checks",
    "certificate.relative_gap",
    "certificate.rounding_allowance",
    "numerics.",
    "problem",
    "engine_version",
)
REASONS: Final = "reasons"


def parse_answer(body: object) -> MinimaAnswer:
    """Read an answer; `InputError` with locations in it."""
    return validated(MinimaAnswer, body)


def parse_problem(body: object) -> Problem:
    """Read the problem of a request, bare or wrapped."""
    return parse(body).request.problem


def verify(answer: MinimaAnswer, limits: Limits, problem: Problem | None = None) -> VerificationAnswer:
    """Compare every number of an answer with what its weights, its problem and this engine give.

    Parameters
    ----------
    answer : MinimaAnswer
    limits : Limits
    problem : Problem, optional
        Needed if the answer does not repeat it; if it does, both must be the same.

    Raises
    ------
    InputError
        If there is no problem to check against, or the answer contradicts its own shapes.
    """
    asked = answer.problem if problem is None else problem
    if asked is None:
        raise InputError.at(("problem",), "is required: the answer does not repeat it, so give it beside the answer")
    with located(("problem",)):
        mapped = problem_mapping.to_core(asked, limits, other_models=True)
    comparisons, skipped = _from_weights(answer, mapped)
    again = minima(MinimaRequest.model_validate({"problem": asked, **_options(answer)}), limits, ("problem",))
    checks = [
        *_hashes(answer, problem),
        *_gap(answer, mapped.core.data.yy * mapped.scaling.loss),
        *(_recomputed(item, mapped.scaling) for item in comparisons),
        *_solved_again(answer, again),
    ]
    return VerificationAnswer.model_validate(
        {
            "agrees": all(item["agrees"] for item in checks),
            "checks": checks,
            "not_covered": _not_covered(skipped, checks),
            "engine_version": ENGINE_VERSION,
        }
    )


def _from_weights(
    answer: MinimaAnswer, mapped: problem_mapping.MappedProblem
) -> tuple[tuple[Comparison, ...], Mapping[str, str]]:
    """What the core recomputes without a solver, which needs the weights of a minimum that is attained."""
    minimum = answer.global_minimum
    if minimum.weights is None and minimum.attained:
        return (), {"global_minimum.weights": "not returned, so nothing was recomputed from them"}
    solution, certificate = claims.to_core(answer, mapped)
    if mapped.vae is not None and answer.variational is not None:
        noise = np.array([latent.encoder_variance for latent in answer.variational.latents])
        if noise.size != mapped.vae.latent or not np.all(noise > 0.0) or not answer.variational.decoder_variance > 0.0:
            raise InputError.at(("variational",), "must hold one positive variance for each latent and the decoder's")
        claim = Claim(solution.minimum, certificate, noise, answer.variational.decoder_variance)
        checked = verify_vae(mapped.core, mapped.vae, claim)
    else:
        checked = verify_in_core(mapped.core, solution, certificate)
    return checked.comparisons, checked.not_covered


def _options(answer: MinimaAnswer) -> dict[str, Any]:
    """The parts that the answer shows were asked for."""
    include = ["layer_norms"] if "layer_norms" in answer.global_minimum.model_fields_set else []
    if any(point.kind is PointKind.SUBNETWORK for point in answer.stationary_points):
        include.append("subnetworks")
    return {"include": include} if include else {}


def _hashes(answer: MinimaAnswer, given: Problem | None) -> Iterator[dict[str, Any]]:
    for problem in (answer.problem, given):
        if problem is not None:
            found = problem_hash(problem)
            yield _check("problem_hash", answer.problem_hash, found, found == answer.problem_hash, "hashed")


def _gap(answer: MinimaAnswer, size: float) -> Iterator[dict[str, Any]]:
    """The gap follows from the two bounds, and the kind of the certificate from the gap and the checks."""
    claimed = answer.certificate
    scale = max(abs(claimed.upper_bound), 1e-6 * size)
    gap = (claimed.upper_bound - claimed.lower_bound) / scale if scale > 0.0 else 0.0
    agrees = abs(claimed.relative_gap - gap) <= SHARP * abs(gap) + ROUNDING
    yield _check("certificate.relative_gap", claimed.relative_gap, gap, agrees, "recomputed")
    passed = [check.value <= check.tolerance for check in claimed.checks]
    found = "certified" if claimed.relative_gap <= claimed.tolerance and all(passed) else "bounded"
    yield _check("certificate.kind", claimed.kind, found, claimed.kind == found, "recomputed")
    for index, (check, holds) in enumerate(zip(claimed.checks, passed, strict=True)):
        field = f"certificate.checks[{index}].passed"
        yield _check(field, str(check.passed), str(holds), check.passed == holds, "recomputed")


def _recomputed(item: Comparison, scaling: Scaling) -> dict[str, Any]:
    def told(value: float | str) -> float | str:
        return value * scaling.loss if isinstance(value, float) and item.scales_with_loss else value

    return _check(item.field, told(item.claimed), told(item.recomputed), item.agrees, "recomputed")


def _solved_again(answer: MinimaAnswer, again: MinimaAnswer) -> Iterator[dict[str, Any]]:
    claimed, found = (dict(_leaves(item.model_dump(mode="json", exclude_unset=True))) for item in (answer, again))
    units = {
        "loss": abs(again.global_minimum.loss),
        "map": max(again.global_minimum.singular_values, default=0.0),
    }
    for field in [*claimed, *(field for field in found if field not in claimed)]:
        if field.startswith(NOT_SOLVED_AGAIN) or REASONS in field:
            continue
        one, other = claimed.get(field, "absent"), found.get(field, "absent")
        yield _check(
            field, _shown(one), _shown(other), _same(one, other, units.get(_unit_of(field), 0.0)), "solved again"
        )


def _unit_of(field: str) -> str:
    """In what a number is measured that may be pure rounding: the loss, the end-to-end map, or nothing."""
    if field.startswith(("global_minimum.end_to_end_map", "global_minimum.singular_values")):
        return "map"
    in_loss = field.startswith("global_minimum.terms") or field.endswith(("loss", "_height", "_eigenvalue"))
    return "loss" if in_loss else ""


def _same(claimed: Any, found: Any, unit: float) -> bool:
    numbers = (int, float)
    if isinstance(claimed, bool) or isinstance(found, bool) or not isinstance(claimed, numbers):
        return type(claimed) is type(found) and bool(claimed == found)
    return isinstance(found, numbers) and abs(claimed - found) <= SHARP * abs(found) + ROUNDING * unit


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{index}]")
    else:
        yield path, value


def _shown(value: Any) -> float | str:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if is_number else "null" if value is None else str(value)


def _check(field: str, claimed: float | str, found: float | str, agrees: bool, how: str) -> dict[str, Any]:
    return {"field": field, "claimed": claimed, "found": found, "agrees": agrees, "how": how}


def _not_covered(skipped: Mapping[str, str], checks: list[dict[str, Any]]) -> dict[str, str]:
    """What was neither recomputed nor solved again."""
    covered = {item["field"] for item in checks}
    rest = {field: reason for field, reason in skipped.items() if field not in covered}
    return {
        **rest,
        "numerics": "depends on the machine",
        "certificate.rounding_allowance and the values of its checks": "depend on the machine",
        "certificate.method": "words",
        "reasons": "words",
    }
