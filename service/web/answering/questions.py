"""Questions that may become jobs: what is asked, whether it runs inline or as a job, and either way; no event loop."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import orjson

from service.errors import LimitExceeded
from service.jobs.codec import JSON, NPZ, decode, encode, plain
from service.jobs.heavy.requests import check_job_time
from service.jobs.inline import StoppedError, run_inline
from service.jobs.service import JobService
from service.jobs.values import Json, Submission
from service.operations.drawing.table import render
from service.settings import Settings
from service.web.drawing import FORMS
from service.web.responses import Rendered

LARGE_BYTES: Final = 4_000_000
PREFERRED: Final = "the caller prefers a job"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as a job stores it.

    Attributes
    ----------
    question : dict
        Everything that decides the answer.
    time_limit_s : float or None
        What the caller allows.
    shapes : mapping
        Sizes for the log line; never data.
    cost_s : float, optional
        Estimated seconds of one core; left out where the plan says it.
    """

    question: dict[str, Json]
    time_limit_s: float | None
    shapes: Mapping[str, int | str] = field(default_factory=dict)
    cost_s: float | None = None


Read: TypeAlias = Callable[[object, Settings], Asked]


@dataclass(frozen=True, slots=True)
class Wish:
    """What of a request, beside its body, decides how it is answered; ``form`` is the media type of the answer."""

    tenant: str
    wants_job: bool
    form: str = JSON


@dataclass(frozen=True, slots=True)
class Decision:
    """Inline or job, and why; ``time_limit_s`` holds for the one that was chosen."""

    as_job: bool
    reason: str
    cost_s: float
    time_limit_s: float


def decide(service: JobService, settings: Settings, name: str, asked: Asked, wish: Wish) -> Decision:
    """Decide by the caller's preference, then by the estimated cost.

    Raises
    ------
    LimitExceeded
        If the plan is larger than the server accepts, or the time limit longer; nothing has started then.
    """
    limit_s = check_job_time(asked.time_limit_s, settings.max_job_seconds)
    cost_s = service.plan(name, asked.question).cost_s if asked.cost_s is None else asked.cost_s
    if wish.wants_job:
        return Decision(as_job=True, reason=PREFERRED, cost_s=cost_s, time_limit_s=limit_s)
    budget_s = settings.inline_budget_s
    if cost_s > budget_s:
        reason = f"an estimated {cost_s:.3g} s exceed the inline budget of {budget_s:g} s"
        return Decision(as_job=True, reason=reason, cost_s=cost_s, time_limit_s=limit_s)
    reason = f"an estimated {cost_s:.3g} s are within the inline budget of {budget_s:g} s"
    return Decision(as_job=False, reason=reason, cost_s=cost_s, time_limit_s=min(limit_s, settings.max_seconds))


@dataclass(frozen=True, slots=True)
class Stored:
    """A job that holds a question, and whether asking has begun an attempt."""

    job_id: str
    begun: bool


def submit(service: JobService, name: str, asked: Asked, decision: Decision, wish: Wish) -> Stored:
    """Store a question whose plan was accepted.

    Raises
    ------
    QueueFull
        If too many jobs wait.
    EngineError
        If the store is away; nothing was accepted then.
    """
    submission = Submission(
        name,
        asked.question,
        tenant=wish.tenant,
        subscriber=wish.tenant,
        time_limit_s=decision.time_limit_s,
        cost_estimate_s=decision.cost_s,
        reason=decision.reason,
    )
    job, begun = service.submit(submission, planned=True)
    return Stored(job.id, begun)


def render_inline(service: JobService, name: str, asked: Asked, decision: Decision, wish: Wish) -> Rendered:
    """Compute and write an answer; an estimate is no promise, so what takes too long stops between two chunks.

    Raises
    ------
    LimitExceeded
    MissingExtra
        If a picture is asked for and this server cannot draw any.
    """
    deadline = time.monotonic() + decision.time_limit_s
    try:
        payload = run_inline(service.table[name], asked.question, lambda: time.monotonic() > deadline)
    except StoppedError:
        raise LimitExceeded(("time_limit_s",), "max_seconds", decision.time_limit_s, "seconds") from None
    answer = {**decode(payload), "execution": {"run_as": "inline", "reason": decision.reason}}
    headers = {"Vary": "Accept"}
    if wish.form in FORMS:
        return Rendered(render(name, plain(answer), FORMS[wish.form]), wish.form, headers=headers)
    if payload.media_type == NPZ and (wish.form == NPZ or len(payload.body) > LARGE_BYTES):
        return Rendered(encode(answer).body, NPZ, headers=headers)
    return Rendered(orjson.dumps(plain(answer)), JSON, headers=headers)
