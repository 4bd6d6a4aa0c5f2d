"""What the answer about a landscape says, in sentences."""

from collections.abc import Iterator, Mapping
from typing import Final

from service.operations.summaries.words import count_of, figure
from service.schemas.landscape import LandscapeAnswer, LandscapeOrigin, Verdict
from service.vocabulary import PointClass

SAID: Final[Mapping[str, tuple[str, str]]] = {
    "no_spurious_local_minima": ("Every local minimum is global", "Some local minima are not global"),
    "minimum_attained": ("Some weights attain the least loss", "No weights attain the least loss"),
    "all_saddles_strict": (
        "Every saddle has a direction of negative curvature",
        "Some saddles have no direction of negative curvature",
    ),
    "no_spurious_valleys": (
        "From everywhere a path that never rises leads towards the least loss",
        "Some valleys end above the least loss",
    ),
}
"""Properties in the order in which they matter to who trains: if true, and if false."""
OPEN: Final = "No theorem here decides whether every local minimum is global"
MOST: Final = 6


def summary_of_landscape(answer: LandscapeAnswer) -> list[str]:
    """Three to six sentences, whose numbers are those of the answer."""
    found = [*_verdicts(answer.verdicts), *_origin(answer.origin), *_thresholds(answer), *_points(answer)]
    decided = sum(rule.decides for rule in answer.rules)
    return [*found[: MOST - 1], f"Of {count_of(len(answer.rules), 'theorem')} tried, {decided} decide something here."]


def _verdicts(verdicts: Mapping[str, Verdict]) -> Iterator[str]:
    for name, (holds, fails) in SAID.items():
        verdict = verdicts.get(name)
        if verdict is None:
            continue
        if verdict.value is None:
            if name == "no_spurious_local_minima":
                yield f"{OPEN}."
            continue
        if verdict.vacuous:
            continue
        yield f"{holds if verdict.value else fails} ({verdict.evidence})."


def _origin(origin: LandscapeOrigin) -> Iterator[str]:
    said = (
        {
            PointClass.LOCAL_MINIMUM: "The origin is a local minimum that training from small weights may not leave",
            PointClass.GLOBAL_MINIMUM: "The origin is the global minimum: the network has collapsed",
            PointClass.STRICT_SADDLE: "The origin is a strict saddle: training leaves it",
            PointClass.NON_STRICT_SADDLE: "The origin is a saddle that training leaves slowly",
        }.get(origin.class_)
        if origin.class_ is not None
        else None
    )
    if said is not None:
        height = origin.barrier_height
        behind = (
            f", behind a barrier of {figure(height)}" if height and origin.class_ is PointClass.LOCAL_MINIMUM else ""
        )
        yield f"{said}{behind}."


def _thresholds(answer: LandscapeAnswer) -> Iterator[str]:
    critical = None if answer.thresholds is None else answer.thresholds.critical_decay_scale
    if critical is not None:
        yield f"The minimum is the zero map from {figure(critical)} times your decay on."


def _points(answer: LandscapeAnswer) -> Iterator[str]:
    minima = sum(point.class_ is PointClass.LOCAL_MINIMUM for point in answer.stationary_points)
    said = f"{count_of(answer.stationary_point_count, 'stationary point')} known up to symmetry"
    if answer.stationary_point_count:
        beside = (
            f", {count_of(minima, 'local minimum').removesuffix('s')} that is not global among them"
            if minima == 1
            else ""
        )
        yield f"{said[0].upper()}{said[1:]}{beside}."
