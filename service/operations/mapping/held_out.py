"""Held-out data in the coding and the units of the data that they belong to."""

from dataclasses import dataclass

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import factor_of_samples
from service.core.ground.problems import Moments
from service.errors import InputError, Location, counted
from service.operations.mapping.factors import factor_of, recoded
from service.operations.mapping.labels import Coding
from service.operations.mapping.reading import arrays_of, checked, factored, moments_sent, within_limit
from service.operations.mapping.units import Units
from service.schemas import data as wire
from service.settings import Limits

AT: Location = ("data", "evaluation")
NO_STORE = "must not be dataset here: only a server knows what was uploaded to it"


@dataclass(frozen=True, slots=True)
class Output:
    """The output layer of the network that the data must fit, and where its width stands."""

    width: int
    at: Location


@dataclass(frozen=True)
class HeldOut:
    """What held-out data must fit.

    Attributes
    ----------
    inputs : int
    output : Output
    coding : Coding or None
        Of labels.
    labels_only : bool
        Whether targets that are not labels are refused, the data having brought labels themselves.
    units : Units or None
        By which the data were standardised.
    """

    inputs: int
    output: Output
    coding: Coding | None = None
    labels_only: bool = False
    units: Units | None = None


def held_out_moments(evaluation: wire.Evaluation | None, wanted: HeldOut, limits: Limits) -> Moments | None:
    """Moments of held-out data; `InputError` below ``data.evaluation`` where they do not fit."""
    if evaluation is None:
        return None
    at, coding, units = AT, wanted.coding, wanted.units
    if isinstance(evaluation, wire.EvaluationDataset):
        raise InputError.at((*at, "kind"), NO_STORE)
    if isinstance(evaluation, wire.EvaluationMoments):
        if wanted.labels_only:
            raise InputError.at((*at, "kind"), "must be samples: moments contain no labels")
        if units is not None and not units.is_scale:
            raise InputError.at((*at, "kind"), "must be samples or a factor: each target is standardised on its own")
        moments = moments_sent(evaluation, at, limits)
        _check_fits((moments.inputs, moments.outputs), wanted, (*at, "xx"), (*at, "xy"))
        return checked(moments if units is None else units.moments(moments), at)
    if isinstance(evaluation, wire.EvaluationFactor):
        within_limit(len(evaluation.x_mean), limits.max_inputs, "max_inputs", "inputs", (*at, "x_mean"))
        factor = factor_of(evaluation, at)
        if coding is not None and evaluation.classes is not None:
            factor = recoded(factor, evaluation.classes, coding, (*at, "classes"))
        elif wanted.labels_only:
            raise InputError.at((*at, "classes"), "is required: the data are labelled")
        places = (*at, "x_mean"), (*at, "y_mean")
    else:
        x, y = arrays_of(evaluation, at, limits)
        factor = factor_of_samples(x, _coded(y, wanted, (*at, "y")))
        places = (*at, "x"), (*at, "y")
    _check_fits((factor.inputs, factor.outputs), wanted, *places)
    return factored(factor if units is None else units.factor(factor, at), *places)


def _coded(y: FloatArray, wanted: HeldOut, at: Location) -> FloatArray:
    """Held-out targets; beside one-hot targets that were uploaded they may be labels, or coded already."""
    coding = wanted.coding
    if coding is None or (not wanted.labels_only and coding.is_coded(y)):
        return y
    return coding.encode(y, at)


def _check_fits(found: tuple[int, int], wanted: HeldOut, inputs_at: Location, outputs_at: Location) -> None:
    if found[0] != wanted.inputs:
        raise InputError.at(inputs_at, f"must have {counted(wanted.inputs, 'input')}, as the data have")
    if found[1] != wanted.output.width:
        raise InputError.at(outputs_at, f"must have {counted(wanted.output.width, 'output')}, as the network has")
