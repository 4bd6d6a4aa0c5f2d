"""What a diagnosis says, in sentences."""

from collections.abc import Iterator, Mapping
from typing import Final

from service.operations.summaries.relu_verdict import summary_of_verdict
from service.operations.summaries.words import count_of, figure, listed
from service.schemas.diagnose import DiagnoseAnswer
from service.vocabulary import PointClass, Status

CLASSES: Final[Mapping[PointClass, str]] = {
    PointClass.GLOBAL_MINIMUM: "a global minimum",
    PointClass.LOCAL_MINIMUM: "a local minimum",
    PointClass.STRICT_SADDLE: "a strict saddle",
    PointClass.NON_STRICT_SADDLE: "a saddle without a direction of negative curvature",
    PointClass.DEGENERATE: "a stationary point whose curvature does not decide what it is",
    PointClass.NOT_STATIONARY: "not a stationary point",
}


def summary_of_diagnosis(answer: DiagnoseAnswer) -> list[str]:
    """Three to six sentences, whose numbers are those of the answer."""
    verdict = answer.relu_verdict
    if verdict is not None:
        way = [] if verdict.missing_unit is not None else _escape(answer)
        return [_class(answer), *summary_of_verdict(verdict), *way]
    parts = [_class(answer), _gap(answer), *_directions(answer), *_plateau(answer)]
    return [*parts, *_curvature(answer), *_escape(answer)]


def _class(answer: DiagnoseAnswer) -> str:
    known = f"The weights are {CLASSES[answer.class_]} ({answer.evidence})"
    if answer.class_ is PointClass.NOT_STATIONARY:
        return f"{known}: the gradient has norm {figure(answer.gradient_norm)}."
    return f"{known}."


def _gap(answer: DiagnoseAnswer) -> str:
    loss = figure(answer.loss)
    if answer.gap is None:
        return f"Their loss is {loss}; how far that is above the minimum is not known: {answer.reasons.get('gap', '')}."
    minimum = answer.global_minimum
    closed = minimum is None or minimum.status is not Status.BOUNDED
    known = "the global minimum" if answer.gap_upper_bound is not None and closed else "the best value known"
    if answer.gap <= 1e-9 * abs(answer.loss):
        return f"Their loss, {loss}, is that of {known} to nine digits."
    return f"Their loss, {loss}, is {figure(answer.gap)} above {known}."


def _directions(answer: DiagnoseAnswer) -> Iterator[str]:
    found = answer.directions
    if found is None:
        return
    parts = [
        f"{len(group)} {word}"
        for word, group in (("learned", found.learned), ("stuck", found.stuck), ("missing", found.missing))
        if group
    ]
    if parts:
        total = len(found.learned) + len(found.stuck) + len(found.missing)
        yield f"Of {count_of(total, 'singular direction')} to be learned, {listed(parts)}."


def _curvature(answer: DiagnoseAnswer) -> Iterator[str]:
    """Of networks of which no directions are known."""
    if answer.directions is None and answer.least_hessian_eigenvalue is not None:
        yield f"The least eigenvalue of the Hessian there is {figure(answer.least_hessian_eigenvalue)}."
    elif answer.directions is None:
        yield f"The curvature is not known: {answer.reasons['least_hessian_eigenvalue']}."


def _plateau(answer: DiagnoseAnswer) -> Iterator[str]:
    if answer.plateau is not None:
        yield f"Training lingers near {CLASSES[answer.plateau.class_]} of loss {figure(answer.plateau.loss)}."


def _escape(answer: DiagnoseAnswer) -> Iterator[str]:
    if answer.escape is not None:
        yield f"A step that the answer gives lowers the loss by {figure(answer.escape.decrease)}."
