"""Where one job stands: which step comes next, derived from the plan and the checkpoints alone."""

import json
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from service.jobs.codec import decode, encode
from service.jobs.engines.engine import Call
from service.jobs.identity import content_hash
from service.jobs.values import Json, Payload, StepKind
from service.operations.plans.plan import Chunk, Plan


@dataclass(frozen=True, slots=True, order=True)
class RemoteStep:
    """One unit of remote work."""

    kind: StepKind
    index: int = 0


@dataclass(frozen=True, slots=True)
class Needs:
    """Which stored results a step receives: the given chunks, or all from ``first`` on.

    Those before ``referenced`` are received as references; ``first`` is 0 then.
    """

    numbers: tuple[int, ...] | None
    first: int = 0
    referenced: int = 0


@dataclass(slots=True)
class Cursor:
    """Walks a plan: rounds of chunks, between rounds a planning step where the plan is adaptive, then the reduction.

    Parameters
    ----------
    operation : str
        Name of the operation.
    plan : Plan
        The plan, as built from the request.
    """

    operation: str
    plan: Plan
    _planned: list[Chunk] = field(default_factory=list)
    _round_start: int = 0
    _round: int = 0
    _stored: set[int] = field(default_factory=set)
    _again: deque[RemoteStep] = field(default_factory=deque)
    _issued: int = 0
    _complete: bool = False
    _closing: bool = False
    _cut: bool = False

    @property
    def total(self) -> int:
        """Number of chunks known so far."""
        return len(self.plan.chunks) + len(self._planned)

    @property
    def known_total(self) -> int | None:
        """Number of chunks of the whole job, None while an adaptive plan is open."""
        return self.total if self.plan.planner is None or self._complete else None

    def restore(self, stored: Iterable[tuple[StepKind, int]], rounds: Iterable[Payload]) -> None:
        """Take up where the checkpoints end; ``rounds`` are the stored planning steps in order."""
        self._stored.update(index for kind, index in stored if kind is StepKind.WORK)
        for payload in rounds:
            self._extend(payload)

    @property
    def is_cut(self) -> bool:
        """Whether the reduction of what was stored is all that is left."""
        return self._cut

    @property
    def can_be_cut(self) -> bool:
        """Whether the reducer can answer from what is stored now."""
        return self.plan.anytime and bool(self._stored)

    def cut(self) -> None:
        """Leave out every chunk that is not stored, and reduce; nothing that was issued may come back."""
        self._cut, self._closing = True, False
        self._again.clear()

    def next_step(self) -> RemoteStep | None:
        """Return the next step that can be computed now and was not issued before, or None.

        Chunks are issued in order, so that one which waits for the results of others holds back those behind it.
        """
        if self._again:
            return self._again.popleft()
        while self._issued < self.total and not self._cut:
            index = self._issued
            if not self._stored.issuperset(self._chunk(index).inputs):
                return None
            self._issued += 1
            if index not in self._stored:
                return RemoteStep(StepKind.WORK, index)
        if self._closing or (len(self._stored) < self.total and not self._cut):
            return None
        self._closing = True
        if self.plan.planner is None or self._complete or self._cut:
            return RemoteStep(StepKind.REDUCE)
        return RemoteStep(StepKind.PLAN, self._round)

    def repeat(self, step: RemoteStep) -> None:
        """Issue a step again."""
        self._again.append(step)

    def store(self, step: RemoteStep, payload: Payload) -> None:
        """Note that a step's result is stored."""
        if step.kind is StepKind.WORK:
            self._stored.add(step.index)
        elif step.kind is StepKind.PLAN:
            self._extend(payload)
            self._closing = False

    def needs(self, step: RemoteStep) -> Needs:
        """Tell which stored results a step receives."""
        if step.kind is StepKind.WORK:
            return Needs(self._chunk(step.index).inputs)
        if step.kind is StepKind.PLAN:
            return Needs(None, self._round_start)
        return Needs(None, 0, self.plan.referenced)

    def call(self, step: RemoteStep, arrays: str | None, inputs: tuple[Payload, ...]) -> Call:
        """Build the call of a step."""
        function, arguments = self._function(step)
        urgent = step.kind is not StepKind.WORK
        return Call(self.operation, function, json.dumps(arguments), arrays, inputs, urgent)

    def _function(self, step: RemoteStep) -> tuple[str, Mapping[str, Json]]:
        if step.kind is StepKind.WORK:
            chunk = self._chunk(step.index)
            return chunk.function, chunk.arguments
        if step.kind is StepKind.PLAN and self.plan.planner is not None:
            return self.plan.planner, {**self.plan.arguments, "round": step.index, "next_index": self.total}
        return self.plan.reducer, self.plan.arguments

    def _chunk(self, index: int) -> Chunk:
        beforehand: Final = len(self.plan.chunks)
        return self.plan.chunks[index] if index < beforehand else self._planned[index - beforehand]

    def _extend(self, payload: Payload) -> None:
        self._round += 1
        chunks = [Chunk.from_json(value) for value in decode(payload)]
        self._round_start = self.total
        self._planned.extend(chunks)
        self._complete = not chunks


def shared_arrays(plan: Plan) -> tuple[str, bytes] | None:
    """Encode a plan's arrays for `Engine.share`, with their hash."""
    if not plan.arrays:
        return None
    body = encode(dict(plan.arrays)).body
    return content_hash(body), body
