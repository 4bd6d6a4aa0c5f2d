"""How a network is trained, as far as rank predictions depend on it."""

from dataclasses import dataclass

from service.vocabulary import Dynamics, InitialLoss


@dataclass(frozen=True, slots=True)
class Teacher:
    """A network that is known to fit the data: ``depth`` matrices of norm at most ``norm_bound``, ``width`` neurons."""

    depth: int
    width: int
    norm_bound: float


@dataclass(frozen=True, slots=True)
class Training:
    """The regime of training.

    Attributes
    ----------
    dynamics : Dynamics
    batch_size : int or None
    learning_rate : float or None
        In the core's convention, so that a step shrinks a layer by ``1 - 2 learning_rate g_l``.
    momentum : float
    initial_loss : float or InitialLoss
        The mean loss over the samples at the start, or what is known of it.
    teacher : Teacher or None
    tolerance : float
        Relative Frobenius distance below which an approximate rank counts.
    """

    dynamics: Dynamics = Dynamics.GRADIENT_FLOW
    batch_size: int | None = None
    learning_rate: float | None = None
    momentum: float = 0.0
    initial_loss: float | InitialLoss = InitialLoss.UNKNOWN
    teacher: Teacher | None = None
    tolerance: float = 0.05
