"""Training regimes of the wire to the core, in the core's convention."""

from typing import Final

from service.core.ranks.training import Teacher, Training
from service.operations.mapping.problem import MappedProblem
from service.schemas import training as wire
from service.vocabulary import Convention, InitialLoss

HALVES: Final = frozenset({Convention.HALF_MEAN, Convention.HALF_SUM})
SUMS: Final = frozenset({Convention.SUM, Convention.HALF_SUM})


def to_core(training: wire.Training, mapped: MappedProblem, convention: Convention) -> Training:
    """The regime; a learning rate acts on the core's objective, an initial loss is a mean over the samples."""
    teacher = training.teacher
    rate = training.learning_rate
    return Training(
        dynamics=training.dynamics,
        batch_size=training.batch_size,
        learning_rate=None if rate is None else rate * mapped.scaling.loss,
        momentum=training.momentum,
        initial_loss=_initial(training.initial_loss, mapped, convention),
        teacher=None if teacher is None else Teacher(teacher.depth, teacher.width, teacher.norm_bound),
    )


def _initial(stated: str | float, mapped: MappedProblem, convention: Convention) -> float | InitialLoss:
    if isinstance(stated, str):
        return InitialLoss(stated)
    n = mapped.core.moments.n if mapped.core.moments is not None else None
    mean = stated * (2.0 if convention in HALVES else 1.0)
    return mean / (n or 1) if convention in SUMS else mean
