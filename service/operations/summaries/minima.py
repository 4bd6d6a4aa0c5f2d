"""What the answer about a global minimum says, in sentences."""

import math
from collections.abc import Iterator
from typing import Final

from service.operations.summaries.words import count_of, figure
from service.schemas.minima import GlobalMinimum, MinimaAnswer, Origin, StationaryPoint, Thresholds
from service.vocabulary import PointClass, PointKind

BARRIER: Final = 1e-12
"""Barriers up to this share of the loss are rounding."""

TO_CLOSE: Final = "To close the gap: "


def summary_of_minima(answer: MinimaAnswer, hidden_layers: int) -> list[str]:
    """Three to six sentences.

    Parameters
    ----------
    answer : MinimaAnswer
        Whose numbers they repeat.
    hidden_layers : int
        Of the network.
    """
    minimum = answer.global_minimum
    return [
        _loss(answer),
        _map(minimum),
        *_origin(answer.origin, minimum, hidden_layers),
        *_thresholds(answer.thresholds, minimum, answer.stationary_points),
        *_noise(answer.thresholds, minimum),
        *([f"{TO_CLOSE}{answer.numerics.advice}."] if answer.numerics.advice else []),
    ]


def with_advice(summary: list[str], advice: str) -> list[str]:
    """The sentences with other advice as the last one."""
    return [*(said for said in summary if not said.startswith(TO_CLOSE)), f"{TO_CLOSE}{advice}."]


def _loss(answer: MinimaAnswer) -> str:
    loss, certificate = f"{answer.global_minimum.loss:.9g}", answer.certificate
    if certificate.kind == "certified":
        known = "in closed form" if answer.status == "exact" else "numerically"
        return f"The global minimum has loss {loss}, found {known}; no weights go below {certificate.lower_bound:.9g}."
    return (
        f"The best weights found have loss {loss}. It is proved that none go below {certificate.lower_bound:.9g}; "
        "whether there are better ones is open."
    )


def _map(minimum: GlobalMinimum) -> str:
    if minimum.trivial:
        return "Decay or noise has collapsed the network: the best map is zero."
    norm = math.hypot(*minimum.singular_values)
    parts = (
        f"{figure(minimum.terms.fit)} misfit, {figure(minimum.terms.noise)} noise, {figure(minimum.terms.decay)} decay"
    )
    said = f"Its map has rank {minimum.rank} and norm {figure(norm)}; its loss is {parts}."
    return (
        said if minimum.attained else f"{said} No weights attain it: undecayed layers would have to grow without bound."
    )


def _origin(origin: Origin, minimum: GlobalMinimum, hidden_layers: int) -> Iterator[str]:
    if minimum.trivial:
        return
    if origin.class_ is PointClass.LOCAL_MINIMUM:
        always = f"With {count_of(hidden_layers, 'hidden layer')} the origin" if hidden_layers > 1 else "The origin"
        height = origin.barrier_height
        if height is None or height <= BARRIER * abs(minimum.loss):
            yield f"{always} is a local minimum: training from small weights may stay there."
        else:
            behind = f"a local minimum behind a barrier of {figure(height)}"
            yield f"{always} is {behind}: training from small weights may stay there."
    elif origin.class_ is PointClass.STRICT_SADDLE:
        yield "The origin is a strict saddle: training leaves it."
    elif origin.class_ in (PointClass.NON_STRICT_SADDLE, PointClass.DEGENERATE):
        yield "The origin is a saddle without a direction of negative curvature: training leaves it slowly."


def _thresholds(thresholds: Thresholds, minimum: GlobalMinimum, points: list[StationaryPoint]) -> Iterator[str]:
    critical = thresholds.critical_decay_scale
    if critical is None:
        return
    if minimum.trivial:
        yield f"It would learn again below {figure(critical)} times your decay."
        return
    how = "by a jump" if thresholds.transition_order == 1 else "continuously"
    said = f"The minimum collapses to zero, {how}, at {figure(critical)} times your decay"
    survives = thresholds.metastable_up_to_decay_scale
    if survives is not None and survives > critical:
        said += f"; as a local minimum it survives up to {figure(survives)} times"
    others = sum(point.kind is not PointKind.ORIGIN and point.class_ is PointClass.LOCAL_MINIMUM for point in points)
    yield f"{said}."
    if others:
        yield (
            f"Besides, {count_of(others, 'listed point')} {'is a' if others == 1 else 'are'} local but not global "
            + ("minimum." if others == 1 else "minima.")
        )


def _noise(thresholds: Thresholds, minimum: GlobalMinimum) -> Iterator[str]:
    critical = thresholds.critical_noise_variance
    if critical is not None and not minimum.trivial:
        yield f"Noise of variance {figure(critical)} on every hidden layer would collapse it, too."
