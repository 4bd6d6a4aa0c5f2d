"""All operations asked about one problem on raw data: no two of them may contradict each other."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from service.errors import ServiceError
from service.operations.batches import Batch, parse_batch
from service.operations.diagnose import diagnose
from service.operations.diagnose import parse as parse_diagnose
from service.operations.landscape import landscape
from service.operations.landscape import parse as parse_landscape
from service.operations.minima_batch import minima_sweep, minima_table
from service.operations.plans import sweeps
from service.operations.plans.columns import plain
from service.operations.plans.running import run_here
from service.operations.ranks import parse as parse_ranks
from service.operations.ranks import ranks
from service.operations.verify import parse_answer, verify
from service.schemas.batch import VariedRequest
from service.schemas.sweeps import DiagramRequest
from tests.support.exact_truth import least_squares
from tests.support.high_precision import scaled_condition
from tests.support.raw_data import Rows
from tests.support.raw_problems import RawProblem
from tests.support.raw_runs import CLOSED, LIMITS, WELL_CONDITIONED, answered

COLUMNS: Final = ["status", "loss", "lower_bound", "relative_gap", "norm", "rank"]
SAME: Final = 3e-9
"""Relative distance of two losses, both certified to 1e-9."""
OTHER_CLASSES: Final = ("not_stationary", "local_minimum", "strict_saddle", "non_strict_saddle", "degenerate")


@dataclass(frozen=True)
class Claim:
    """What the minimum was said to be, in the units in which losses are compared."""

    answer: Mapping[str, Any]
    unit: float

    @property
    def closed(self) -> bool:
        """Whether the minimum is certified."""
        return self.answer["status"] in CLOSED

    @property
    def lower_bound(self) -> float:
        """What no weights are said to go below."""
        return float(self.answer["certificate"]["lower_bound"])

    def contradicts(self, loss: float) -> bool:
        """Whether another operation cannot be right as well that says this is the least loss."""
        minimum = float(self.answer["global_minimum"]["loss"])
        slack = SAME * max(abs(minimum), 1e-6 * self.unit)
        return abs(loss - minimum) > slack if self.closed else loss < self.lower_bound - slack


def disagreements(problem: RawProblem) -> dict[str, str]:
    """What each operation says that the answer of `minima` rules out; errors count."""
    try:
        answer = answered(problem.body(**{"return": {"weights": "full", "problem": True}}))
    except ServiceError as error:
        return {"minima": f"{type(error).__name__}: {error}"}
    claim = Claim(answer, float(problem.variance))
    found: dict[str, str] = {}
    for name, ask in ASKED.items():
        try:
            wrong = list(ask(problem, claim))
        except Exception as error:  # noqa: BLE001 - an operation that fails where another answers contradicts it
            wrong = [f"{type(error).__name__}: {error}"]
        if wrong:
            found[name] = "; ".join(wrong)
    return found


def _batch(problem: RawProblem, claim: Claim) -> Iterator[str]:
    batch = parse_batch({"problems": [problem.body()], "return": COLUMNS}, LIMITS).request
    assert isinstance(batch, Batch)
    columns = minima_table(batch, LIMITS).columns
    status, loss, lower = (columns[name][0] for name in ("status", "loss", "lower_bound"))
    upper = claim.answer["certificate"]["upper_bound"]
    if str(status) != claim.answer["status"]:
        yield f"status {status}"
    if claim.contradicts(float(loss)):
        yield f"loss {loss!r}"
    if lower > upper:
        yield f"lower bound {lower!r} above {upper!r}"


def _sweep(problem: RawProblem, claim: Claim) -> Iterator[str]:
    request = parse_batch({"problem": problem.body()["problem"], "vary": {"decay_scale": [1.0]}}, LIMITS).request
    assert isinstance(request, VariedRequest)
    loss = float(minima_sweep(request, LIMITS).columns["loss"][0])
    if claim.contradicts(loss):
        yield f"loss {loss!r}"


def _phase_diagram(problem: RawProblem, claim: Claim) -> Iterator[str]:
    axis = {"parameter": "decay_scale", "from": 1.0, "to": 1.0, "points": 1}
    request = DiagramRequest.model_validate({"problem": problem.body()["problem"], "axes": [axis]})
    told = plain(run_here(sweeps.sweeps_plan(request, LIMITS), sweeps.WORK.functions))
    loss = float(told["results"]["loss"][0])
    if claim.contradicts(loss):
        yield f"loss {loss!r}"


def _landscape(problem: RawProblem, claim: Claim) -> Iterator[str]:
    parsed = parse_landscape(problem.body())
    told = landscape(parsed.request, LIMITS, parsed.problem_at)
    facts = told.facts
    if told.stationary_points:
        loss = min(point.loss for point in told.stationary_points)
        if claim.contradicts(loss):
            yield f"stationary loss {loss!r}"
    raw = problem.exact
    if facts.rank_x is not None and scaled_condition(raw) < WELL_CONDITIONED:
        rank = least_squares(raw).rank
        if facts.rank_x != rank:
            yield f"rank_x {facts.rank_x} of {rank}"
    if facts.affine_residual is None or not isinstance(problem.data, Rows):
        return
    if len(np.unique(problem.data.x, axis=0)) == len(problem.data.x):
        yield from _residual(problem, facts.affine_residual)


def _residual(problem: RawProblem, told: float) -> Iterator[str]:
    """With distinct inputs the residual of the best affine map is the least loss of one layer with an offset."""
    free = problem.exact.centred()
    least, unit = float(least_squares(free).loss), float(free.yy)
    slack = SAME * max(least, 1e-6 * unit)
    if told < least - slack:
        yield f"affine residual {told!r} below {least!r}"
    elif told > least + slack and scaled_condition(free) < WELL_CONDITIONED:
        yield f"affine residual {told!r} for {least!r}"


def _diagnose(problem: RawProblem, claim: Claim) -> Iterator[str]:
    minimum = claim.answer["global_minimum"]
    if minimum["weights"] is None:
        return
    point = {"weights": minimum["weights"]}
    if minimum.get("biases"):
        point["biases"] = minimum["biases"]
    parsed = parse_diagnose(problem.body(**point))
    told = diagnose(parsed.request, LIMITS, parsed.problem_at)
    slack = SAME * max(abs(minimum["loss"]), 1e-6 * claim.unit)
    if abs(told.loss - minimum["loss"]) > slack:
        yield f"loss {told.loss!r}"
    if told.gap is not None and told.gap < -slack:
        yield f"gap {told.gap!r}"
    if claim.closed and told.class_ in OTHER_CLASSES:
        yield f"class {told.class_} ({told.evidence}): {told.because}"


def _verify(_problem: RawProblem, claim: Claim) -> Iterator[str]:
    told = verify(parse_answer(claim.answer), LIMITS)
    wrong = [f"{check.field}: {check.claimed} is {check.found}" for check in told.checks if not check.agrees]
    if wrong or not told.agrees:
        yield ", ".join(wrong[:4]) or "does not agree"


def _ranks(problem: RawProblem, claim: Claim) -> Iterator[str]:
    parsed = parse_ranks(problem.body(training={"dynamics": "global_minimum"}))
    whole = ranks(parsed.request, LIMITS, parsed.problem_at).end_to_end
    rank = claim.answer["global_minimum"]["rank"]
    if claim.closed and whole.rank is not None and whole.rank != rank:
        yield f"rank {whole.rank} for {rank}"
    if claim.closed and whole.upper_bound is not None and whole.upper_bound < rank:
        yield f"rank at most {whole.upper_bound} for {rank}"


ASKED: Final = {
    "batch": _batch,
    "sweep": _sweep,
    "phase diagram": _phase_diagram,
    "landscape": _landscape,
    "diagnose": _diagnose,
    "verify": _verify,
    "ranks": _ranks,
}
"""Each operation with what it must not contradict."""
