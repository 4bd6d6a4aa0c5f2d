"""A selection of a decay: a thousand values and five folds, from the body to the answer, on one core."""

from functools import partial
from typing import Any, Final

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from benchmarks.comparison import Comparison, best_core_time
from service.core.asked.selection.columns import held_out_error, whole_columns
from service.core.asked.selection.folds import split_of_samples, trained_on
from service.core.asked.sweeps.axes import Axis
from service.core.ground.data.conditioned import moments_of
from service.core.ground.problems import Layer, Network, Problem, Samples
from service.jobs.inline import run_inline
from service.operations.asking import ask
from service.settings import Limits
from service.vocabulary import Bias, SweepParameter

VALUES: Final = 1_000
FOLDS: Final = 5
SAMPLES: Final = 442
INPUTS: Final = 10
TARGET_S: Final = 0.05
TIMES: Final = 40.0
"""By how much a step for all samples is to be faster than a table for each of them."""


def compare() -> list[Comparison]:
    """The whole request against its target, and leave-one-out by a step against one table of minima a sample."""
    found = []
    with threadpool_limits(limits=1):
        for hidden in (0, 1, 2):
            body = _body(hidden)
            found.append(
                Comparison(
                    work=f"selection: {VALUES} decays, {FOLDS} folds, {SAMPLES} x {INPUTS}, {hidden} hidden layers",
                    measured=best_core_time(partial(_answered, body), 9),
                    reference="50 ms",
                    measured_reference=TARGET_S,
                    unit="s",
                    bound=1.0,
                    at_least=False,
                )
            )
        problem, axis = _problem(), Axis(SweepParameter.DECAY_SCALE, np.geomspace(1e-3, 1.0, VALUES))
        one_by_one = best_core_time(lambda: _one_by_one(problem, axis), 3)
        step = best_core_time(lambda: whole_columns(problem, axis, summed=False), 9)
    found.append(
        Comparison(
            work=f"leave-one-out of {VALUES} decays by one step, {SAMPLES} samples, two hidden layers",
            measured=1.0 / step,
            reference="a table of minima for each sample",
            measured_reference=1.0 / one_by_one,
            unit="1/s",
            bound=TIMES,
            at_least=True,
        )
    )
    return found


def _data() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(SAMPLES, INPUTS)) + 0.3
    return x, x @ rng.normal(size=(INPUTS, 1)) + rng.normal(size=(SAMPLES, 1))


def _body(hidden: int) -> dict[str, Any]:
    x, y = _data()
    layers = [{"width": 8, "weight_decay": 1.0}] * hidden
    network = {"layers": [*layers, {"width": 1, "weight_decay": 1.0}], "bias": "output"}
    data = {"kind": "samples", "x": x.tolist(), "y": y.tolist()}
    grid = {"from": 1e-3, "to": 1.0, "points": VALUES}
    return {"problem": {"network": network, "data": data}, "vary": "weight_decay", "grid": grid, "folds": FOLDS}


def _answered(body: dict[str, Any]) -> object:
    limits = Limits()
    question = ask("selection", body, limits)
    assert question.loaded.work is not None
    return run_inline(question.plan(limits), question.loaded.work.guarded())


def _problem() -> Problem:
    x, y = _data()
    layers = (Layer(8, weight_decay=1.0), Layer(8, weight_decay=1.0), Layer(1, weight_decay=1.0))
    return Problem(Network(layers, bias=Bias.OUTPUT), moments_of(x, y), Samples(x, y))


def _one_by_one(problem: Problem, axis: Axis) -> None:
    samples = problem.samples
    assert samples is not None
    for index in range(len(samples.x)):
        split = split_of_samples(samples.x, samples.y, np.array([index]))
        held_out_error(*trained_on(problem, axis, split, summed=False))
