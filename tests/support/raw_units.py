"""Raw problems in other units, and from a csv file of the same numbers: what changes, and what may."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count, islice
from typing import Final

import numpy as np

from service.errors import ServiceError
from tests.support.raw_data import Rows
from tests.support.raw_problems import RawProblem
from tests.support.raw_runs import answered, judged, must_close
from tests.support.raw_scan import scan_problem
from tests.support.raw_uploads import answered_from_csv, kept

LARGEST_EXPONENT: Final = 40
SAME_LOSS: Final = 1e-12
"""Distance of two losses, relative to the variance of the targets."""
SAME_IN_OTHER_UNITS: Final = 1e-12
"""The same for inputs in other units, whose decomposition is another."""
ROUNDINGS: Final = 2e-15
"""Of every number in the last digit or two: a least loss moves by this times the scaled condition."""
RETURN: Final = {"return": {"weights": "full", "problem": True}}
MOST_SAMPLES: Final = 1000
"""Larger problems of the scan are left out where seven operations are asked about each."""


def undecayed(number: int) -> Iterator[RawProblem]:
    """The first problems of the scan without decay."""
    return islice((each for each in map(scan_problem, count()) if not each.decayed), number)


def in_other_units(problem: RawProblem, seed: int) -> RawProblem:
    """Every input multiplied by a power of two of its own."""
    exponents = np.random.default_rng(seed).integers(-LARGEST_EXPONENT, LARGEST_EXPONENT + 1, problem.exact.inputs)
    return replace(problem, data=problem.data.scaled(np.ldexp(1.0, exponents)))


def changed_by_units(problem: RawProblem, seed: int) -> str:
    """What is different about the answer in other units; empty if nothing is.

    Where a gap may stay open the loss may move by what the gaps leave open.
    """
    try:
        before, after = answered(problem.body()), answered(in_other_units(problem, seed).body())
    except ServiceError as error:
        return f"{type(error).__name__}: {error}"
    losses = [each["global_minimum"]["loss"] for each in (before, after)]
    wrong = []
    certificates, closes = [each["certificate"] for each in (before, after)], must_close(problem)
    open_by = 0.0 if closes else max(each["upper_bound"] - each["lower_bound"] for each in certificates)
    if abs(losses[0] - losses[1]) > max(SAME_IN_OTHER_UNITS * float(problem.variance), open_by):
        wrong.append(f"loss {losses[0]!r} becomes {losses[1]!r}")
    if before["status"] != after["status"] and closes:
        wrong.append(f"{before['status']} becomes {after['status']}")
    return ", ".join(wrong)


def changed_by_upload(base: str, problem: RawProblem) -> str:
    """What is different about the answer from a csv file of the same numbers, or wrong about it; empty if nothing is.

    What is kept of a file, and comes back in the answer, is rounded once: its bounds are held against the exact truth
    of the kept numbers, and its loss against that from the samples, to the digits that the data have.
    """
    try:
        sent, uploaded = answered(problem.body()), answered_from_csv(base, problem, **RETURN)
    except ServiceError as error:
        return f"{type(error).__name__}: {error}"
    wrong = [f"{law}: {figures}" for law, figures in judged(kept(problem, uploaded), uploaded).items()]
    losses = [each["global_minimum"]["loss"] for each in (sent, uploaded)]
    if abs(losses[0] - losses[1]) > max(SAME_LOSS, ROUNDINGS * min(problem.condition, 1e9)) * float(problem.variance):
        wrong.append(f"loss {losses[0]!r} becomes {losses[1]!r}")
    if sent["status"] != uploaded["status"] and must_close(problem):
        wrong.append(f"{sent['status']} becomes {uploaded['status']}")
    return ", ".join(wrong)


def small(number: int) -> Iterator[RawProblem]:
    """The first problems of the scan that are not large."""
    return islice((each for each in map(scan_problem, count()) if _samples(each) <= MOST_SAMPLES), number)


def _samples(problem: RawProblem) -> int:
    return len(problem.data.x) if isinstance(problem.data, Rows) else 0
