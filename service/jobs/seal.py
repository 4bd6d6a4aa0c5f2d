"""The seal of a plan: what is stored beside a question, so that the plan that runs is the one that was priced.

A driver makes the plan of a stored question anew, in another process and perhaps on another machine.  The seal holds
how many chunks were priced and at what cost, and a digest of what each of them is asked to do.  Numbers inside of
larger arguments are left out of it: they follow from the question, which is stored itself and whose hash is the job's
id, and some were computed, so that another processor may round them to other last digits.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from service.operations.plans.plan import Chunk, Json, Plan
from service.version import ENGINE_VERSION

MOST_CHUNKS: Final = 4096
"""Of a plan with more, so many are looked at, at equal distances and both ends among them."""
LISTED: Final = 16
"""Entries of a list that are looked at one by one; of a longer one its length, the first and the last."""
COST_TOLERANCE: Final = 1e-6
"""Relative; a cost is computed from sizes."""


class PlanChangedError(Exception):
    """The plan of a stored question is not the plan that was priced when it was submitted."""


@dataclass(frozen=True, slots=True)
class Seal:
    """What identifies a plan.

    Attributes
    ----------
    chunks : int
        How many are known beforehand.
    cost_s : float
        Estimated seconds of one core.
    digest : str
        Of functions, inputs and arguments of the chunks, and of names and shapes of the arrays.
    """

    chunks: int
    cost_s: float
    digest: str

    def to_text(self) -> str:
        """The seal as it is stored."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> "Seal":
        """Invert `to_text`."""
        found = json.loads(text)
        return cls(int(found["chunks"]), float(found["cost_s"]), str(found["digest"]))

    def check(self, plan: Plan) -> None:
        """Refuse a plan with another seal.

        Raises
        ------
        PlanChangedError
            Which names the engine and what differs.
        """
        made = seal_of(plan)
        same_cost = math.isclose(made.cost_s, self.cost_s, rel_tol=COST_TOLERANCE)
        if made.chunks == self.chunks and same_cost and made.digest == self.digest:
            return
        raise PlanChangedError(
            f"engine {ENGINE_VERSION} of this driver does not make the plan that was priced when the question was "
            f"submitted: {self._words(made)}; submit the question again"
        )

    def _words(self, made: "Seal") -> str:
        if made.chunks != self.chunks:
            return f"{self.chunks} chunks were priced, and {made.chunks} would run"
        if made.digest != self.digest:
            return f"its {self.chunks} chunks would do other work"
        return f"it was priced at {self.cost_s:.3g} s, and now at {made.cost_s:.3g} s"


def seal_of(plan: Plan) -> Seal:
    """The seal of a plan; milliseconds, whatever its size."""
    digest = hashlib.sha256()
    ends = {
        "reducer": plan.reducer,
        "planner": plan.planner,
        "referenced": plan.referenced,
        "arguments": sorted(plan.arguments),
        "arrays": {name: [str(array.dtype), *array.shape] for name, array in sorted(plan.arrays.items())},
    }
    digest.update(json.dumps(ends).encode())
    # what chunks share is one object, which is described once; the plan keeps it, so that its identity is its own
    known: dict[int, tuple[Json, str]] = {}
    for index in _looked_at(len(plan.chunks)):
        digest.update(_described(plan.chunks[index], known).encode())
    return Seal(len(plan.chunks), plan.cost_s, "sha256:" + digest.hexdigest())


def _looked_at(count: int) -> Sequence[int]:
    if count <= MOST_CHUNKS:
        return range(count)
    return [index * (count - 1) // (MOST_CHUNKS - 1) for index in range(MOST_CHUNKS)]


def _described(chunk: Chunk, known: dict[int, tuple[Json, str]]) -> str:
    parts = [chunk.function, ",".join(map(str, chunk.inputs))]
    for name in sorted(chunk.arguments):
        value = chunk.arguments[name]
        if isinstance(value, Mapping):
            # kept beside its description, so that no other object can have its identity meanwhile
            if id(value) not in known:
                known[id(value)] = (value, _outline(value))
            parts.append(f"{name}={known[id(value)][1]}")
        else:
            parts.append(f"{name}={_exact(value)}")
    return "\n".join([*parts, ""])


def _exact(value: Json) -> str:
    """An argument that is no larger thing, with its numbers, of which JSON has one kind."""
    if isinstance(value, list | tuple) and len(value) <= LISTED and not any(isinstance(one, Mapping) for one in value):
        return "[" + ",".join(map(_exact, value)) + "]"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(float(value)) if abs(value) <= 2**53 else repr(value)
    return _outline(value)


def _outline(value: Json) -> str:
    """The value without its numbers."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{name}:{_outline(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list | tuple):
        shown = value if len(value) <= LISTED else (value[0], value[-1])
        return f"{len(value)}[" + ",".join(map(_outline, shown)) + "]"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "~"
    return json.dumps(value)
