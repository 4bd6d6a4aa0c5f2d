"""Certified ReLU networks as weights on the wire, and what answers have of them; `GivenWeights` is the way back."""

from collections.abc import Sequence
from typing import Any, Final

from service.core.relu.claims import loss_of
from service.core.relu.form import ReluForm
from service.core.relu.minima.narrow import narrowed_to
from service.core.relu.minima.uniqueness import Uniqueness
from service.core.relu.networks import HiddenUnits
from service.schemas import relu as wire
from service.schemas.base import applicable

OPEN: Final = Uniqueness(False, "the gap is open, or the network is too narrow")
NO_UNITS: Final = "the network has no units"


def network_of(
    form: ReluForm, units: HiddenUnits, bias_decays: Sequence[float], factor: float, enough: bool, unique: Uniqueness
) -> wire.ReluNetwork:
    """The network that an answer is about, whose loss over the sum is ``factor``."""
    fit, decay = _terms(form, units, bias_decays, factor)
    matrices, biases, skip = _parts(form, units)
    reasons = {} if unique.proved else {"unique": unique.reason}
    if matrices is None:
        reasons["weights"] = NO_UNITS
    network = wire.ReluNetwork(
        loss=fit + decay,
        terms=wire.ReluTerms(fit=fit, decay=decay),
        trivial=not len(units),
        attained=enough and (matrices is None or len(matrices[0]) == len(units)),
        width_needed=0 if matrices is None else len(matrices[0]),
        unique=True if unique.proved else None,
        weights=matrices,
        biases=biases,
        skip_weights=skip,
        reasons=reasons,
    )
    return applicable(network, "biases", "skip_weights")


def narrow_of(
    form: ReluForm, units: HiddenUnits, bias_decays: Sequence[float], factor: float, width: int, lower: float
) -> wire.NarrowNetwork:
    """The best network found of a width that is too small for these units."""
    found = narrowed_to(form.objective, units, max(0, width - int(form.by_limit)))
    fit, decay = _terms(form, found, bias_decays, factor)
    matrices, biases, skip = _parts(form, found)
    loss = fit + decay
    network = wire.NarrowNetwork(
        loss=loss,
        terms=wire.ReluTerms(fit=fit, decay=decay),
        relative_gap=max((loss - lower) / abs(loss), 0.0) if loss else 0.0,
        weights=matrices,
        biases=biases,
        skip_weights=skip,
        reasons={"weights": NO_UNITS} if matrices is None else {},
    )
    return applicable(network, "biases", "skip_weights")


def _terms(form: ReluForm, units: HiddenUnits, bias_decays: Sequence[float], factor: float) -> tuple[float, float]:
    fit, decay = loss_of(form, form.objective.x[:, : form.inputs], form.given(units), bias_decays)
    return factor * fit, factor * decay


def _parts(form: ReluForm, units: HiddenUnits) -> tuple[list[Any] | None, list[Any] | None, list[Any] | None]:
    """Weights, biases and skip as lists; None for what there is not."""
    first, second, hidden, offset = form.weights(units)
    skip = form.skip_weights(units)
    skip_list = None if skip is None else skip.tolist()
    if not len(first):
        return None, [None, [offset]] if offset is not None and form.output_bias else None, skip_list
    biases = None
    if hidden is not None or offset is not None:
        biases = [None if hidden is None else hidden.tolist(), None if offset is None else [offset]]
    return [first.tolist(), second.tolist()], biases, skip_list
