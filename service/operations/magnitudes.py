"""Decays, noise and parameters of models so extreme that an answer leaves double precision: reported by their fields.

Which magnitudes are too large depends on the problem: most solvers answer far beyond those that are named here.  So
nothing is refused beforehand; only where a computation has failed the fields are looked at that are the caller's to
change.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import log, log1p
from typing import Final

import numpy as np

from service.core.ground.problems import Network
from service.errors import FieldError, InputError, Location, NumericalError
from service.operations.mapping.extreme_data import extreme_data
from service.operations.mapping.network import noise_variance
from service.operations.mapping.problem import MappedProblem
from service.schemas import network as wire
from service.schemas import problem as wire_problem
from service.vocabulary import SweepParameter

GREATEST: Final = 1e150
"""A decay, or the factor by which the noise of all layers together multiplies, whose square is in double precision."""
LEAST: Final = 1e-150
"""The same of what is divided by."""

AT: Final[Location] = ("network",)


@contextmanager
def blamed_on_fields(fields: Callable[[], Sequence[FieldError]]) -> Iterator[None]:
    """Turn what leaves double precision into an `InputError` at the fields that are too large or too small.

    Parameters
    ----------
    fields : callable
        What is said of the fields beyond what is certain to stay in double precision; asked where a computation fails.

    Raises
    ------
    InputError
        If there are such fields.
    NumericalError
        As it was raised, if there are none.
    """
    try:
        # what overflows silently ends in a failed check or a number that is not finite, and is refused as such
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            yield
    except (NumericalError, ArithmeticError, np.linalg.LinAlgError) as error:
        found = fields()
        if not found:
            raise
        raise InputError(found) from error


def extremes(network: wire.Network, decay_factor: float, at: Location = ()) -> list[FieldError]:
    """Fields beyond the magnitudes up to which no answer leaves double precision on data of ordinary size.

    Parameters
    ----------
    network : Network
    decay_factor : float
        The core's decay divided by the caller's.
    at : tuple
        Where the problem stands in the request.
    """
    inside = (*at, *AT)
    decays: list[tuple[Location, float | None]] = [
        *(
            ((*inside, "layers", place, "weight_decay"), layer.weight_decay)
            for place, layer in enumerate(network.layers)
        ),
        *(((*inside, "skips", place, "weight_decay"), skip.weight_decay) for place, skip in enumerate(network.skips)),
        ((*inside, "bias_weight_decay"), network.bias_weight_decay),
        ((*inside, "feature_weight_decay"), network.feature_weight_decay),
    ]
    greatest = GREATEST / decay_factor
    found = [too_large(location, greatest) for location, decay in decays if (decay or 0.0) > greatest]
    found += _noise(network, inside)
    for name in ("beta", "decoder_variance"):
        value = getattr(network, name)
        if value is not None and not LEAST <= value <= GREATEST:
            location = (*inside, name)
            found.append(too_large(location, GREATEST) if value > 1.0 else _too_small(location, LEAST))
    return found


def extremes_of(problem: wire_problem.ProblemDocument, mapped: MappedProblem, at: Location = ()) -> list[FieldError]:
    """The same of a whole problem: its network, and its data where they are not of ordinary size."""
    found = extremes(problem.network, mapped.scaling.decay, at)
    return found + extreme_data(
        mapped.core.moments if mapped.features is None else None, problem.data.kind, at, mapped.scaling.loss
    )


def greatest_value(network: Network, parameter: SweepParameter, layers: int | None = None) -> float:
    """Value of a parameter that is varied up to which no answer leaves double precision, in the core's convention.

    Parameters
    ----------
    network : Network
        With all else as it is where that is largest.
    parameter : SweepParameter
    layers : int, optional
        Hidden layers at most, where their number is varied.
    """
    if parameter is SweepParameter.WEIGHT_DECAY:
        return GREATEST
    if parameter is SweepParameter.DECAY_SCALE:
        largest = float(np.max(network.weight_decays))
        return GREATEST / largest if largest > 0.0 else np.inf
    hidden = network.n_hidden if layers is None else layers
    if parameter is SweepParameter.NOISE_VARIANCE and network.n_hidden and hidden:
        return float(GREATEST ** (1.0 / hidden) * min(network.hidden_widths))
    return np.inf


def too_large(location: Location, greatest: float) -> FieldError:
    """What is said of a field that is too large."""
    detail = f"is so large that the answer leaves double precision; up to {greatest:.3g} it is certain to stay in it"
    return FieldError(location, detail)


def _too_small(location: Location, least: float) -> FieldError:
    detail = f"is so small that the answer leaves double precision; from {least:.3g} on it is certain to stay in it"
    return FieldError(location, detail)


def _noise(network: wire.Network, at: Location) -> list[FieldError]:
    """The layers whose noise is more than an equal share of the factor that all may have together."""
    found: list[FieldError] = []
    if noise_variance(network.input_noise) > GREATEST:
        found.append(too_large((*at, "input_noise"), GREATEST))
    noisy = [
        (index, layer.width, noise_variance(layer.noise))
        for index, layer in enumerate(network.layers)
        if layer.noise is not None
    ]
    if sum(log1p(variance / width) for _, width, variance in noisy) > log(GREATEST):
        share = GREATEST ** (1.0 / len(noisy))
        found += [
            too_large((*at, "layers", index, "noise"), share * width)
            for index, width, variance in noisy
            if variance > share * width
        ]
    return found
