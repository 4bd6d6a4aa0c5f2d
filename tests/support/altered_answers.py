"""Right answers with one field changed, and what `verify` may say of each change."""

import copy
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Final, TypeAlias

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.errors import InputError
from service.operations.mapping.fields import covers, general
from service.operations.minima import minima, parse
from service.operations.verify import parse_answer, verify
from service.schemas.verification import VerificationAnswer
from service.settings import Limits
from tests.support.answered_problems import PROBLEMS

Place: TypeAlias = tuple[str | int, ...]
Change: TypeAlias = tuple[Place, Any, str, Any]
"""Where, what stands there, the kind of change, and what is put there."""

LIMITS: Final = Limits()
DELETED: Final = object()
WORDS: Final = (
    *("exact", "certified", "bounded", "scalar_output", "noisy_bounded", "nuclear_norm", "linear_vae"),
    *("global_minimum", "strict_saddle", "branch", "subnetwork", "proved", "torch", "sum", "all", "relu"),
)
NUMBERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "sign": lambda value: -value,
    "a part in a million": lambda value: value * (1.0 + 1e-6),
    "one more": lambda value: value + 1,
    "zero": lambda _: 0.0,
    "tiny": lambda _: 1e-300,
    "huge": lambda _: 1e300,
    "NaN as text": lambda _: "NaN",
}
LISTS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "shorter": lambda value: value[:-1],
    "without the first": lambda value: value[1:],
    "longer": lambda value: [*value, value[-1]],
    "empty": lambda _: [],
}
SLOW: Final = frozenset({"noisy", "noisy without decay", "uncentred noise"})
"""Searches take longer: the report tries a fifth of what it tries elsewhere."""
ALIKE: Final = 5
"""Of changes alike in entries of one list the report tries the first and every fifth after it."""
NOISE: Final = 1e-9
"""Numbers below it are rounding here: all data are of the order of one."""


@cache
def _text(name: str) -> str:
    asked = {"problem": PROBLEMS[name], "return": {"weights": "factors", "problem": True}}
    options = {"include": ["layer_norms", "hessian", "subnetworks"]}
    return minima(parse({**asked, **options}).request, LIMITS).model_dump_json(exclude_unset=True)


def answer_to(name: str) -> dict[str, Any]:
    """The answer to one of the problems, with all that can be asked for."""
    document: dict[str, Any] = json.loads(_text(name))
    return document


def changes(document: dict[str, Any]) -> list[Change]:
    """Every kind of change of every value of a document."""
    return [(place, value, kind, new) for place, value in _places(document) for kind, new in _instead(value)]


def chosen(document: dict[str, Any]) -> list[Change]:
    """Every kind of change of every field; of entries of one list the first, and every fifth after it."""
    seen: Counter[tuple[str, str, str]] = Counter()
    found: list[Change] = []
    for place, value, kind, new in changes(document):
        alike = (general(path_of(place)), kind, new if isinstance(new, str) else "")
        if seen[alike] % ALIKE == 0:
            found.append((place, value, kind, new))
        seen[alike] += 1
    return found


def _places(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every value of a document but the numbers of its data, whose hash is one field."""
    if place:
        yield place, value
    if place[:2] == ("problem", "data") and len(place) > 2:
        return
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in items:
        yield from _places(item, (*place, step))


def _instead(value: Any) -> Iterator[tuple[str, Any]]:
    yield "deleted", DELETED
    if value is not None:
        yield "null", None
    yield "another type", [1.0] if isinstance(value, dict) else {"no": 1.0}
    if isinstance(value, bool):
        yield "flipped", not value
    elif isinstance(value, (int, float)):
        yield from ((kind, change(value)) for kind, change in NUMBERS.items() if change(value) != value)
    elif isinstance(value, str):
        yield from (("another word", word) for word in WORDS if word != value)
    elif isinstance(value, list) and value:
        yield from ((kind, change(value)) for kind, change in LISTS.items())


def altered(document: dict[str, Any], place: Place, new: Any) -> dict[str, Any]:
    """A copy with something else at ``place``."""
    copied = copy.deepcopy(document)
    parent: Any = copied
    for step in place[:-1]:
        parent = parent[step]
    if new is DELETED:
        del parent[place[-1]]
    else:
        parent[place[-1]] = new
    return copied


def report_on(document: dict[str, Any]) -> VerificationAnswer | None:
    """The report, or nothing where the file is refused as input."""
    try:
        return verify(parse_answer(document), LIMITS)
    except InputError:
        return None


def path_of(place: Place) -> str:
    """As paths are written: ``a[0].b``."""
    return re.sub(r"\.(\d+)", r"[\1]", ".".join(map(str, place)))


def may_pass(document: dict[str, Any], change: Change, report: VerificationAnswer) -> bool:
    """Whether a change is in what is not covered, or leaves an answer that is right as well."""
    place, value, _, new = change
    name = general(path_of(place))
    words = {word for field, word in report.fields.items() if covers(field, name) or covers(name, field)}
    if words <= {"not_covered"}:
        return True
    if place[0] == "problem":
        # a default written out, or left out
        return report.fields["problem"] == "recomputed"
    if place[0] == "global_minimum" and place[1] in ("weights", "biases"):
        return _same_network(document["global_minimum"], altered(document, place, new)["global_minimum"])
    if name in ("certificate.checks", "stationary_points", "global_minimum.layer_norms"):
        return _not_asked_for(document, altered(document, place, new))
    if isinstance(value, (int, float)) and isinstance(new, (int, float)) and abs(new - value) < NOISE:
        return abs(value) < NOISE
    return False


def _not_asked_for(document: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether nothing is gone but all of a part that is there only where it was asked for."""

    def standard(answer: dict[str, Any]) -> Any:
        checks = [check for check in answer["certificate"]["checks"] if check["name"] != "negative_curvature"]
        return checks, [point for point in answer["stationary_points"] if point["kind"] != "subnetwork"]

    return bool(standard(document) == standard(other))


def _same_network(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two sets of weights have the same map and norms, which is all that the loss here depends on."""
    (product, sizes), (moved, others) = (_described(minimum) for minimum in (one, other))
    return bool(np.allclose(product, moved, rtol=1e-8, atol=1e-8) and np.allclose(sizes, others, rtol=1e-8))


def _described(minimum: dict[str, Any]) -> tuple[FloatArray, FloatArray]:
    """The affine map, its last column the offset, and the norms of the layers."""
    weights = [_dense(weight) for weight in minimum["weights"]]
    biases = minimum.get("biases") or [None] * len(weights)
    product = np.hstack([np.eye(weights[0].shape[1]), np.zeros((weights[0].shape[1], 1))])
    for weight, bias in zip(weights, biases, strict=True):
        product = weight @ product
        if bias is not None:
            product[:, -1] += _dense(bias)[:, 0]
    return product, np.array([np.linalg.norm(weight) for weight in weights])


def _dense(factors: dict[str, Any]) -> FloatArray:
    left, right = (_side(factors[side]) for side in ("left", "right"))
    matrix: FloatArray = (left * np.array(factors["values"], dtype=float)) @ right.T
    return matrix


def _side(side: Any) -> FloatArray:
    if isinstance(side, dict):
        return np.full((side["length"], 1), float(side["uniform"]))
    return np.array(side, dtype=float)


def outcome_of(document: dict[str, Any], change: Change) -> str:
    """What came of a change; `AssertionError` if a right field would have been told of a wrong one."""
    found = report_on(altered(document, change[0], change[3]))
    if found is not None and found.outcome == "agrees" and not may_pass(document, change, found):
        raise AssertionError(f"{path_of(change[0])}: {change[2]} was not noticed")
    return "refused" if found is None else found.outcome
