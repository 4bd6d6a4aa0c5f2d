"""What the verdict on a ReLU network says, in sentences."""

from collections.abc import Iterator

from service.operations.summaries.words import count_of, figure, listed
from service.schemas.relu_verdict import ReluJudgement
from service.vocabulary import ReluVerdict

ENDED = 1e-3
"""Deviation of a unit from rest up to which its training counts as ended."""


def summary_of_verdict(told: ReluJudgement) -> Iterator[str]:
    """One to four sentences, whose numbers are those of the judgement."""
    proof = told.certificate
    loss, lower = f"{proof.upper_bound:.9g}", f"{proof.lower_bound:.9g}"
    below = f"no network of any width goes below {lower}, {100.0 * proof.relative_gap:.3g} % below them"
    if told.verdict is ReluVerdict.CERTIFIED:
        yield f"Certified: their loss is {loss}, and it is proved that {below}."
    elif told.verdict is ReluVerdict.REFUTED:
        yield f"Refuted: their loss is {loss}, a better network is known, and it is proved that {below}."
    else:
        yield f"Undecided: their loss is {loss}, no better network was found, and it is proved that {below}."
    if told.verdict is not ReluVerdict.CERTIFIED:
        yield from _better(told)
    yield from _own(told)


def _better(told: ReluJudgement) -> Iterator[str]:
    unit, better = told.missing_unit, told.better
    if unit is not None:
        yield f"A unit is missing: adding the one that is given lowers the loss by {figure(unit.decrease)}."
    if better is not None and better.found_by == "search":
        fits = "" if better.fits else ", more than this network has: at its width it may be the best"
        units = count_of(better.units, "unit")
        yield f"The best network known is {figure(better.decrease)} better and has {units}{fits}."
    elif better is not None and not better.fits:
        yield "No better network of this width is known."


def _own(told: ReluJudgement) -> Iterator[str]:
    parts = []
    if told.balancing_gain > 1e-6 * abs(told.certificate.upper_bound):
        parts.append(f"balancing the two weights of each unit gains {figure(told.balancing_gain)}")
    if told.idle_units:
        parts.append(f"{told.idle_units} of {count_of(len(told.units), 'unit')} reach no sample")
    if told.largest_deviation is not None and told.largest_deviation > ENDED:
        parts.append(f"a unit is {figure(told.largest_deviation)} from rest, relative to its cost")
    if parts:
        yield f"Of the weights as they are: {listed(parts)}."
