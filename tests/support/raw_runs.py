"""Answers on raw data held against the truth in exact numbers, with a word for each law that one breaks."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Final

import numpy as np

from service.errors import ServiceError
from service.operations.minima import minima, parse
from service.settings import Limits
from tests.support.exact_numbers import Floats
from tests.support.exact_truth import composed, objective
from tests.support.raw_problems import RawProblem

LIMITS: Final = Limits()
CLOSED: Final = ("exact", "certified")
WELL_CONDITIONED: Final = 1e7
"""Scaled condition below which every gap must close."""
FELT_PENALTY: Final = 1e-8
"""Penalty in scaled coordinates above which every gap must close, whatever the condition."""
LOST: Final = 1e-14
"""What moments lose to offsets, a hundred roundings of the raw ones, must stay below the penalty."""
OWN_SIZE: Final = Fraction(1, 10**9)
"""Relative error that the told loss may have against the exact one of the told weights."""
CANCELLED: Final = Fraction(1, 10**30)
"""What twice the working precision may lose, relative to the squares that cancel in a loss."""
TOLERANCE: Final = Fraction(1, 10**9) * (1 + Fraction(1, 10**6))
FLOOR: Final = Fraction(1, 10**6)
"""Gaps are relative to the loss, at least to this share of the variance of the targets."""


@dataclass(frozen=True)
class Run:
    """What came back for a problem.

    Attributes
    ----------
    problem : RawProblem
    answer : dict or None
        None if there was an error.
    error : str
    failures : mapping of str to str
        Each law that the answer breaks, with figures.
    """

    problem: RawProblem
    answer: Mapping[str, Any] | None = field(repr=False)
    error: str
    failures: Mapping[str, str]

    @property
    def status(self) -> str:
        """The word of the answer, or `error`."""
        return "error" if self.answer is None else str(self.answer["status"])

    @property
    def closed(self) -> bool:
        """Whether a minimum is claimed."""
        return self.status in CLOSED

    @property
    def norm_limit(self) -> float | None:
        """The norm up to which alone the lower bound is claimed, if it is limited."""
        return None if self.answer is None else limit_of(self.answer["certificate"])


def answered(body: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of the public operation, as JSON has it."""
    parsed = parse(dict(body))
    answer = minima(parsed.request, LIMITS, parsed.problem_at)
    found: dict[str, Any] = answer.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return found


def run(problem: RawProblem) -> Run:
    """Ask for the minimum and hold the answer against the truth."""
    try:
        answer = answered(problem.body(**{"return": {"weights": "full"}}))
    except ServiceError as error:
        # a valid problem is never refused, whoever would be blamed
        return Run(problem, None, type(error).__name__, {"error": f"{type(error).__name__}: {error}"})
    except Exception as error:  # noqa: BLE001 - whatever it is, the server would have told its user 500
        return Run(problem, None, type(error).__name__, {"error": f"{type(error).__name__}: {error}"})
    return Run(problem, answer, "", judged(problem, answer))


def limit_of(certificate: Mapping[str, Any]) -> float | None:
    """The norm limit of a certificate on the end-to-end map, in the caller's units."""
    told = certificate.get("norm_limit")
    return None if told is None else float(told["norm"] if isinstance(told, Mapping) else told)


def must_close(problem: RawProblem) -> bool:
    """Whether float64 is known to suffice for closing the gap."""
    if problem.truth is None:
        return False
    felt = max(FELT_PENALTY, LOST * problem.cancelled)
    return problem.condition < WELL_CONDITIONED or (problem.decayed and problem.penalty > felt)


def judged(problem: RawProblem, answer: Mapping[str, Any]) -> dict[str, str]:
    """Every law that an answer breaks."""
    found: dict[str, str] = {}
    asked, problem = problem, in_told_units(problem, answer)
    certificate, minimum = answer["certificate"], answer["global_minimum"]
    upper, lower, loss = (
        Fraction(number) for number in (certificate["upper_bound"], certificate["lower_bound"], minimum["loss"])
    )
    limit = limit_of(certificate)
    found |= _bounds(problem, upper, lower, limit)
    if problem.decayed:
        # decay charges weights in the units of the inputs that were sent, whatever the answer was computed in
        found |= _bounds(asked, upper, lower, limit)
    if limit is not None and problem.decayed:
        found["norm limit with decay"] = f"{limit:.3g}"
    if limit is not None and problem.condition < WELL_CONDITIONED:
        found["norm limit on good data"] = f"condition {problem.condition:.3g}"
    if minimum["weights"] is not None:
        found |= _against_weights(problem, answer, upper, loss)
    if lower > upper or certificate["relative_gap"] < 0.0:
        found["negative gap"] = f"{shown(lower)} > {shown(upper)}, told {certificate['relative_gap']:.3g}"
    found |= _gap(problem, answer, upper, lower)
    negative = {name: each for name, each in {"loss": minimum["loss"], **minimum["terms"]}.items() if each < 0.0}
    if negative:
        found["negative loss"] = str(negative)
    if answer["status"] not in CLOSED and must_close(problem):
        found["open"] = (
            f"{answer['status']}, gap {certificate['relative_gap']:.3g}, "
            f"scaled condition {problem.condition:.3g}, penalty {problem.penalty:.3g}"
        )
    return found


def _bounds(problem: RawProblem, upper: Fraction, lower: Fraction, limit: float | None) -> dict[str, str]:
    """Bounds on the wrong side of the truth."""
    found: dict[str, str] = {}
    truth = problem.truth
    if truth is None:
        return found
    least = truth if limit is None or problem.decayed else max(truth, problem.truth_within(limit))
    if lower > least:
        found["bound above truth"] = f"{shown(lower)} > {shown(least)}"
    if upper < truth:
        found["upper bound below truth"] = f"{shown(upper)} < {shown(truth)}"
    return found


def in_told_units(problem: RawProblem, answer: Mapping[str, Any]) -> RawProblem:
    """The problem in the units in which weights are told, powers of two, where inputs are too large or too small."""
    if answer["data"]["preparation"] != "within range":
        return problem
    scale = np.array([column["scale"] for column in answer["data"]["input_columns"]])
    return replace(problem, data=problem.data.scaled(1.0 / scale))


def shown(value: Fraction) -> str:
    """A number that may be beyond float64."""
    try:
        return repr(float(value))
    except OverflowError:
        return f"some 1e{len(str(abs(int(value)))) - 1}"


def _gap(problem: RawProblem, answer: Mapping[str, Any], upper: Fraction, lower: Fraction) -> dict[str, str]:
    """The gap follows from the bounds, relative to the right size, and decides the status."""
    claimed, status = answer["certificate"]["relative_gap"], answer["status"]
    size = max(abs(upper), FLOOR * problem.variance)
    gap = (upper - lower) / size if size else Fraction(upper != lower)
    found = {}
    if abs(Fraction(claimed) - gap) > abs(gap) / 100 + Fraction(1, 10**14):
        found["gap of another size"] = f"told {claimed:.3g}, of the bounds {shown(gap)}"
    if status in CLOSED and gap > TOLERANCE:
        found["closed with a gap"] = f"{status}, {shown(gap)}"
    return found


def _against_weights(problem: RawProblem, answer: Mapping[str, Any], upper: Fraction, loss: Fraction) -> dict[str, str]:
    weights, biases = weights_of(answer)
    noise = [problem.noise] * len(problem.hidden)
    true = problem.unit * objective(problem.exact, weights, problem.decays, biases, noise)
    found = {}
    if upper < true:
        found["upper bound below weights"] = f"{shown(upper)} < {shown(true)}"
    if abs(loss - true) > OWN_SIZE * true + CANCELLED * _size(problem, weights, biases):
        found["loss not of the weights"] = f"told {shown(loss)}, is {shown(true)}"
    return found


def _size(problem: RawProblem, weights: list[Floats], biases: list[Floats | None]) -> Fraction:
    """The sum of the squares that cancel in the error of the told map."""
    chain, offset = composed(weights, biases)
    data = problem.exact
    parts = [data.yy, *(b * b for b in offset)]
    parts += [row[i] ** 2 * data.xx[i][i] for row in chain for i in range(data.inputs)]
    return problem.unit * sum(parts, Fraction(0))


def weights_of(answer: Mapping[str, Any]) -> tuple[list[Floats], list[Floats | None]]:
    """The layers of an answer and their biases as arrays."""
    minimum = answer["global_minimum"]
    weights = [np.array(weight, dtype=np.float64) for weight in minimum["weights"]]
    biases = minimum.get("biases") or [None] * len(weights)
    return weights, [None if bias is None else np.array(bias, dtype=np.float64) for bias in biases]
