"""The smallest change by which a problem that no solver covers is covered, as a JSON Patch (RFC 6902).

Repairs are tried one by one, then two and three together, fewest changes first.  Nothing is solved for that: only the
hypotheses are judged again.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final, TypeAlias

from service.core.dispatch import is_covered
from service.errors import Location, NotCovered, ServiceError
from service.operations.mapping import problem as problem_mapping
from service.operations.mapping.problem import Inputs
from service.operations.refusals import pointer
from service.schemas.data import Example, Samples
from service.schemas.network import Layer, Network
from service.schemas.problem import ProblemDocument
from service.schemas.problem_details import Nearest, PatchOperation
from service.settings import Limits
from service.vocabulary import Activation, Bias, Convention, Loss

LANDSCAPE: Final = "/v1/landscape"
LONGEST_S: Final = 0.01
"""Of a core, for all that is tried: a refusal is often made on the event loop."""
MOST_TOGETHER: Final = 3
MOST_CHANGES: Final = 20
"""Changes of one patch; a longer one is another problem."""


@dataclass(frozen=True, slots=True)
class Change:
    """A problem after a repair, and what was done to the document that was sent."""

    problem: ProblemDocument
    patch: tuple[PatchOperation, ...]


Repair: TypeAlias = Callable[[ProblemDocument], Change | None]
"""Makes one thing about a problem as solvers want it; None where it is so already."""


@contextmanager
def suggesting_nearest(problem: ProblemDocument, limits: Limits, at: Location) -> Iterator[None]:
    """Say what is covered instead, if a problem is not: a change of it, or the operation that has theorems for all."""
    try:
        yield
    except NotCovered as error:
        error.nearest = nearest(problem, limits, pointer(at)) or Nearest(operation=LANDSCAPE)
        raise


def nearest(problem: ProblemDocument, limits: Limits, at: str) -> Nearest | None:
    """The nearest problem that is covered; None if none is found in time.

    Parameters
    ----------
    problem : ProblemDocument
        Which is refused.
    limits : Limits
    at : str
        JSON pointer of the problem in the body.
    """
    deadline = time.thread_time() + LONGEST_S
    for change in _changes(problem):
        if time.thread_time() > deadline:
            return None
        if _covers(change.problem, limits):
            moved = [step.model_copy(update={"path": f"{at}{step.path}"}) for step in change.patch]
            return Nearest(patch=moved)
    return None


def _covers(problem: ProblemDocument, limits: Limits) -> bool:
    try:
        mapped = problem_mapping.to_core(problem, limits, other_models=True, one_layer=True, inputs=Inputs.ANY)
    except ServiceError:
        return False
    return mapped.core.moments is not None and is_covered(mapped.core)


def _changes(problem: ProblemDocument) -> Iterator[Change]:
    """Repairs and their combinations, by the number of their changes; each is made when it is tried."""
    alone = [(repair, repair(problem)) for repair in REPAIRS]
    useful = [(repair, len(change.patch)) for repair, change in alone if change is not None]
    together = [chosen for size in range(1, MOST_TOGETHER + 1) for chosen in combinations(useful, size)]
    for chosen in sorted(together, key=_size):
        if _size(chosen) > MOST_CHANGES:
            return
        change = _together(problem, tuple(repair for repair, _ in chosen))
        if change is not None:
            yield change


def _size(chosen: tuple[tuple[Repair, int], ...]) -> int:
    return sum(changes for _, changes in chosen)


def _together(problem: ProblemDocument, chosen: tuple[Repair, ...]) -> Change | None:
    patch: tuple[PatchOperation, ...] = ()
    for repair in chosen:
        change = repair(problem)
        if change is None:
            return None
        problem, patch = change.problem, (*patch, *change.patch)
    return Change(problem, patch)


def _without_bias_decay(problem: ProblemDocument) -> Change | None:
    """Biases that are not decayed."""
    network, torch = problem.network, problem.objective.convention is Convention.TORCH
    if network.bias is Bias.NONE or not (network.bias_weight_decay or (torch and network.bias_weight_decay is None)):
        return None
    return _in_network(problem, [_put("/network/bias_weight_decay", 0.0)], bias_weight_decay=0.0)


def _centred(problem: ProblemDocument) -> Change | None:
    """Data whose columns are centred and scaled."""
    data = problem.data
    if not isinstance(data, Samples | Example) or data.standardise or (isinstance(data, Example) and not data.raw):
        return None
    changed = data.model_copy(update={"standardise": True})
    return Change(problem.model_copy(update={"data": changed}), (_put("/data/standardise", True),))


def _without_bias(problem: ProblemDocument) -> Change | None:
    """No bias at all."""
    if problem.network.bias is Bias.NONE:
        return None
    return _in_network(problem, [_put("/network/bias", "none")], bias=Bias.NONE, bias_weight_decay=None)


def _without_input_noise(problem: ProblemDocument) -> Change | None:
    """No noise on the inputs."""
    if problem.network.input_noise is None:
        return None
    return _in_network(problem, [_drop("/network/input_noise")], input_noise=None)


def _without_skips(problem: ProblemDocument) -> Change | None:
    """No skips."""
    return _in_network(problem, [_drop("/network/skips")], skips=[]) if problem.network.skips else None


def _linear(problem: ProblemDocument) -> Change | None:
    """Linear activations."""
    return _in_layers(
        problem,
        lambda layer: layer.activation is not Activation.LINEAR,
        lambda layer, at: [
            _put(f"{at}/activation", "linear"),
            *([] if layer.slope is None else [_drop(f"{at}/slope")]),
        ],
        activation=Activation.LINEAR,
        slope=None,
    )


def _without_noise(problem: ProblemDocument) -> Change | None:
    """No noise on hidden layers."""
    return _in_layers(
        problem, lambda layer: layer.noise is not None, lambda _layer, at: [_drop(f"{at}/noise")], noise=None
    )


def _trained(problem: ProblemDocument) -> Change | None:
    """Layers that are all trained."""
    return _in_layers(
        problem,
        lambda layer: layer.frozen_weights is not None,
        lambda _layer, at: [_drop(f"{at}/frozen_weights")],
        frozen_weights=None,
    )


def _without_decay(problem: ProblemDocument) -> Change | None:
    """No weight decay."""
    return _in_layers(
        problem,
        lambda layer: layer.weight_decay > 0.0,
        lambda _layer, at: [_put(f"{at}/weight_decay", 0.0)],
        weight_decay=0.0,
    )


def _squared(problem: ProblemDocument) -> Change | None:
    """The squared loss."""
    objective = problem.objective
    if objective.loss is Loss.SQUARED:
        return None
    changed = objective.model_copy(update={"loss": Loss.SQUARED, "weights": None})
    patch = [_put("/objective/loss", "squared"), *([] if objective.weights is None else [_drop("/objective/weights")])]
    return Change(problem.model_copy(update={"objective": changed}), tuple(patch))


REPAIRS: Final[tuple[Repair, ...]] = (
    _without_bias_decay,
    _centred,
    _without_input_noise,
    _linear,
    _without_noise,
    _squared,
    _without_skips,
    _trained,
    _without_bias,
    _without_decay,
)
"""What is tried, and among equally small patches first."""


def _put(path: str, value: Any) -> PatchOperation:
    """A value at a place, whether or not another one stands there."""
    return PatchOperation(op="add", path=path, value=value)


def _drop(path: str) -> PatchOperation:
    return PatchOperation(op="remove", path=path)


def _in_network(problem: ProblemDocument, patch: list[PatchOperation], **changed: Any) -> Change:
    network: Network = problem.network.model_copy(update=changed)
    return Change(problem.model_copy(update={"network": network}), tuple(patch))


def _in_layers(
    problem: ProblemDocument,
    wrong: Callable[[Layer], bool],
    patch: Callable[[Layer, str], list[PatchOperation]],
    **changed: Any,
) -> Change | None:
    layers, steps = list(problem.network.layers), []
    for index, layer in enumerate(layers):
        if wrong(layer):
            layers[index] = layer.model_copy(update=changed)
            steps += patch(layer, f"/network/layers/{index}")
    return _in_network(problem, steps, layers=layers) if steps else None
