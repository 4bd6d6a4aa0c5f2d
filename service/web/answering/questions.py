"""How a question is answered: at once by its function, inline by its plan, or as a job; no event loop."""

from dataclasses import dataclass
from typing import Final

import orjson

from service.errors import LimitExceeded
from service.jobs.codec import JSON, NPZ, decode, encode
from service.jobs.inline import StoppedError, run_inline
from service.jobs.service import JobService
from service.jobs.values import Submission
from service.operations.answered import as_model
from service.operations.asking import Question
from service.operations.guards import SEARCHED, SearchTime
from service.operations.plans.columns import plain
from service.operations.plans.plan import Plan
from service.schemas.base import Execution
from service.settings import Limits, Settings
from service.web.answering.jobs import StoredJob
from service.web.drawing import FORMS, made, names_json, wanted
from service.web.observation.solved import solved
from service.web.preferences import Wish
from service.web.responses import LARGE_BYTES, Rendered, written

PREFERRED: Final = "the caller prefers a job"


@dataclass(frozen=True, slots=True)
class Decision:
    """Inline or job, and why; ``time_limit_s`` holds for the one that was chosen, ``plan`` is what was priced."""

    as_job: bool
    reason: str
    cost_s: float
    time_limit_s: float
    plan: Plan | None = None


def is_answered_at_once(question: Question, wish: Wish) -> bool:
    """Whether there is nothing to decide: a function answers, and the caller wants no job or cannot have one."""
    return question.loaded.function is not None and not (question.loaded.row.job and wish.wants_job)


def answer_at_once(question: Question, limits: Limits, form: str, accept: str) -> Rendered:
    """The answer of an operation's function, written in the form of `service.web.drawing.wanted`."""
    answer = question.answer(limits)
    seen = solved(answer)
    if form in FORMS:
        drawn = made(question.loaded.row.name, as_model(answer).model_dump(mode="json", exclude_unset=True), form)
        return Rendered(drawn, form, seen=seen)
    return written(answer, accept, seen)


def decide(question: Question, settings: Settings, wish: Wish) -> Decision:
    """Decide by the caller's preference, then by the estimated cost.

    Raises
    ------
    LimitExceeded
        If the plan is larger than the server accepts, or the time limit longer; nothing has started then.
    """
    limit_s = job_time(question.time_limit_s, settings.max_job_seconds)
    plan = question.plan(settings) if question.loaded.function is None else None
    cost_s = question.cost_s if plan is None else plan.cost_s
    if wish.wants_job:
        return Decision(True, PREFERRED, cost_s, limit_s, plan)
    budget_s = settings.inline_budget_s
    if cost_s > budget_s:
        reason = f"an estimated {cost_s:.3g} s exceed the inline budget of {budget_s:g} s"
        return Decision(True, reason, cost_s, limit_s, plan)
    reason = f"an estimated {cost_s:.3g} s are within the inline budget of {budget_s:g} s"
    return Decision(False, reason, cost_s, min(limit_s, settings.max_seconds), plan)


def over_time(sent: float | None, allowed: float) -> LimitExceeded:
    """What is said of a computation that took longer than its caller's limit, or the server's where none was sent."""
    if sent is None:
        return LimitExceeded((), "max_seconds", allowed, "seconds")
    return LimitExceeded(("time_limit_s",), "time_limit_s", min(sent, allowed), "seconds")


def job_time(time_limit_s: float | None, max_job_seconds: float) -> float:
    """Seconds that a job may take; `LimitExceeded` for more than the server allows."""
    if time_limit_s is not None and time_limit_s > max_job_seconds:
        raise LimitExceeded(("time_limit_s",), "max_job_seconds", max_job_seconds, "seconds")
    return time_limit_s or max_job_seconds


def submit(service: JobService, question: Question, settings: Settings, decision: Decision, wish: Wish) -> StoredJob:
    """Store a question whose plan was accepted.

    Raises
    ------
    QueueFull
        If too many jobs wait.
    EngineError
        If the store is away; nothing was accepted then.
    """
    # what an answer over HTTP may take is not a limit of a job
    limits = settings.model_copy(update={"max_seconds": settings.max_job_seconds})
    submission = Submission(
        question.loaded.row.name,
        question.stored(limits),
        tenant=wish.tenant,
        subscriber=wish.tenant,
        time_limit_s=decision.time_limit_s,
        cost_estimate_s=decision.cost_s,
        reason=decision.reason,
    )
    job, begun = service.submit(submission, decision.plan)
    return StoredJob(job.id, begun, job.ended)


def answer_by_plan(question: Question, decision: Decision, form: str, accept: str) -> Rendered:
    """Carry out the plan that was priced; estimates may be wrong, so that it stops between two chunks at the limit.

    Raises
    ------
    LimitExceeded
    """
    work, plan = question.loaded.work, decision.plan
    assert work is not None and plan is not None  # noqa: S101, PT018 - decided to run by its plan
    try:
        # seconds of this thread: who waits for a core has not used its time
        stop = SearchTime(decision.time_limit_s * (SEARCHED if plan.anytime else 1.0))
        payload = run_inline(plan, work.guarded(), stop)
    except StoppedError:
        raise over_time(question.time_limit_s, decision.time_limit_s) from None
    execution = Execution(run_as="inline", reason=decision.reason)
    answer = {**decode(payload), "execution": execution.document()}
    headers, seen = {"Vary": "Accept"}, solved(answer)
    if form in FORMS:
        return Rendered(made(question.loaded.row.name, plain(answer), form), form, headers=headers, seen=seen)
    large = len(payload.body) > LARGE_BYTES and not names_json(accept)
    if payload.media_type == NPZ and (form == NPZ or large):
        return Rendered(encode(answer).body, NPZ, headers=headers, seen=seen)
    return Rendered(orjson.dumps(plain(answer)), JSON, headers=headers, seen=seen)


def form_of(question: Question, wish: Wish) -> str:
    """The media type of the answer; `MissingExtra` if it is a picture and this server cannot draw any."""
    return wanted(wish.accept, question.loaded.row)
