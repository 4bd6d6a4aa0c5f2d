"""How much a body holds, compared with the limits before it is read: a walk over its containers, not its numbers.

What is read is checked again where it is understood; this is what keeps reading cheap for bodies that nobody could use.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from service.errors import InputError, LimitExceeded, Location, MalformedBody
from service.settings import Limits

MAX_FIELDS: Final = 1_000
"""Fields of one object; no model has a tenth of it, and layers by number are as many as the layers."""
MAX_DEPTH: Final = 40
"""Objects and arrays in each other; what is asked needs some ten."""
CONTAINERS: Final = frozenset({dict, list})
OF_EACH_LAYER: Final = ("weights", "biases", "hidden_widths")
"""Lists beside a problem with an entry for each layer."""


def check_sizes(document: object, limits: Limits) -> None:
    """Refuse a body that is larger than the limits, whatever else is wrong with it.

    Raises
    ------
    LimitExceeded
        For more layers, skips, problems, samples or inputs than the server accepts.
    InputError
        For an object with so many fields that nearly all must be unknown.
    MalformedBody
        For one that is nested so deeply that it cannot be read.
    """
    if isinstance(document, dict):
        for name in OF_EACH_LAYER:
            _within(_length(document.get(name)), limits.max_layers, "max_layers", "layers", (name,))
    for at, problem in _problems(document, limits):
        _check_network(problem.get("network"), (*at, "network"), limits)
        data = problem.get("data")
        _check_data(data, (*at, "data"), limits)
        if isinstance(data, dict):
            _check_data(data.get("evaluation"), (*at, "data", "evaluation"), limits)
    most = max(MAX_FIELDS, limits.max_layers)
    crowded = _check_containers(document, most)
    if crowded is not None:
        raise InputError.at(crowded[::-1], f"has more than {most} fields")


def _problems(document: object, limits: Limits) -> Iterator[tuple[Location, Mapping[str, Any]]]:
    """The problem of a request, bare or wrapped, or each of a batch."""
    if not isinstance(document, dict):
        return
    listed = document.get("problems")
    entries: list[tuple[Location, object]] = [((), document)]
    if isinstance(listed, list):
        _within(len(listed), limits.max_batch_problems, "max_batch_problems", "problems", ("problems",))
        entries += [(("problems", index), each) for index, each in enumerate(listed)]
    for at, entry in entries:
        if isinstance(entry, dict):
            inner = entry.get("problem")
            yield ((*at, "problem"), inner) if isinstance(inner, dict) else (at, entry)


def _check_network(network: object, at: Location, limits: Limits) -> None:
    if isinstance(network, dict):
        for name, allowed in (("layers", limits.max_layers), ("skips", limits.max_skips)):
            _within(_length(network.get(name)), allowed, f"max_{name}", name, (*at, name))


def _check_data(data: object, at: Location, limits: Limits) -> None:
    if not isinstance(data, dict):
        return
    x, xx = data.get("x"), data.get("xx")
    rows = _length(x)
    columns = _length(x[0]) if isinstance(x, list) and x else 0
    _within(rows, limits.max_samples, "max_samples", "samples", (*at, "x"))
    _within(columns, limits.max_inputs, "max_inputs", "inputs", (*at, "x"))
    _within(rows * columns, limits.max_data_numbers, "max_data_numbers", "numbers", (*at, "x"))
    _within(_length(xx), limits.max_inputs, "max_inputs", "inputs", (*at, "xx"))


def _check_containers(value: object, most: int, depth: int = 0) -> Location | None:
    """Where an object has too many fields, from the inside out; ``None`` if nowhere."""
    if depth > MAX_DEPTH:
        raise MalformedBody(f"the body is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        if len(value) > most:
            return ()
        entries: Iterable[tuple[str | int, object]] = value.items()
    elif isinstance(value, list):
        entries = enumerate(value)
    else:
        return None
    for step, entry in entries:
        kind = type(entry)
        # most containers are rows of numbers: there is nothing in them to go into
        if kind is dict or (kind is list and not CONTAINERS.isdisjoint(map(type, entry))):  # type: ignore[call-overload]  # a list
            found = _check_containers(entry, most, depth + 1)
            if found is not None:
                return (*found, step)
    return None


def _length(value: object) -> int:
    return len(value) if isinstance(value, list) else 0


def _within(value: int, allowed: int, limit: str, unit: str, at: Location) -> None:
    if value > allowed:
        raise LimitExceeded(at, limit, allowed, unit)
