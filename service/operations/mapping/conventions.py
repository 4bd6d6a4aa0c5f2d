"""The one table of conventions: how a caller's objective relates to the core's.

The core minimises ``J = E||f - y||^2 + sum_l g_l ||W_l||^2``.  A caller's objective is ``loss * J`` when the
core is given ``g_l = decay * (the caller's weight decay)``, so that both have the same minimisers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from service.errors import InputError, Location
from service.vocabulary import Convention


@dataclass(frozen=True, slots=True)
class Form:
    """A caller's objective ``number n^samples k^outputs E||f - y||^2 + decay sum_l w_l ||W_l||^2``."""

    number: float
    samples: int
    outputs: int
    decay: float


FORMS: Final[Mapping[Convention, Form]] = {
    Convention.MEAN: Form(number=1.0, samples=0, outputs=0, decay=1.0),
    Convention.HALF_MEAN: Form(number=0.5, samples=0, outputs=0, decay=1.0),
    Convention.SUM: Form(number=1.0, samples=1, outputs=0, decay=1.0),
    Convention.HALF_SUM: Form(number=0.5, samples=1, outputs=0, decay=1.0),
    Convention.TORCH: Form(number=1.0, samples=0, outputs=-1, decay=0.5),
}


@dataclass(frozen=True, slots=True)
class Scaling:
    """Factors between a caller's objective and the core's.

    Attributes
    ----------
    loss : float
        Caller's objective divided by the core's; also for gradients and Hessians.
    decay : float
        Core's decay divided by the caller's.
    """

    loss: float
    decay: float


def scaling(convention: Convention, n: int | None, outputs: int, n_at: Location = ("data", "n")) -> Scaling:
    """Factors of a convention for ``n`` samples and ``outputs`` outputs.

    Raises
    ------
    InputError
        At ``n_at`` if the convention needs the number of samples and it is unknown.
    """
    form = FORMS[convention]
    if form.samples and n is None:
        raise InputError.at(n_at, f"is required: the convention {convention} adds over the samples")
    loss = form.number * float(n or 1) ** form.samples * float(outputs) ** form.outputs
    return Scaling(loss, form.decay / loss)
