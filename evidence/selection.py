"""Selection against one solution for each sample and each fold: errors, choices, and what is refused."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

from service.core.asked.selection.columns import held_out_error, whole_columns
from service.core.asked.selection.criteria import generalised, least
from service.core.asked.selection.folds import split_of_samples, trained_on
from service.core.asked.selection.leave_one_out import JUMP, LEVERAGE, MOVED, TRUSTED
from service.core.asked.sweeps.axes import Axis, varied
from service.core.dispatch import solve
from service.core.ground.data.conditioned import moments_of
from service.core.ground.data.fold_turns import FoldsInTurn
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem, Samples
from service.operations.mapping.examples import EXAMPLES, load
from service.vocabulary import Bias, SweepParameter

PROBLEMS: Final = 100
DEPTHS: Final = (0, 1, 2, 3, 4)
BIASES: Final = (Bias.NONE, Bias.OUTPUT, Bias.ALL)
ALLOWED: Final = 1e-10
ALLOWED_FOLD: Final = 1e-12
FAR: Final = 0.1
"""Error above which a step that was trusted would be called wrong."""

_STEP: Final = """\
## Leave-one-out against n solutions
{problems} random problems a depth: 20 to 120 samples, 2 to 12 inputs, offsets, no bias, one of the output, or all; half
with noise; half with errors added over samples; eight decays each, on both sides of the collapse. *Error* is that of
the mean over all samples, relative to the mean of n minima solved without each sample.

| hidden layers | values | trusted | median error | largest | refused: jump, moved, leverage | median, largest there |
|---|---|---|---|---|---|---|
"""
_FOLDS: Final = """
## Folds against separate solutions
Five folds of the same problems, one value each, against `dispatch.solve` on the samples of the other folds: largest
relative difference {error:.1e} (allowed: {allowed:.0e}).

"""
_BUNDLED: Final = """\
## Choices on the bundled sets
Decays 1e-4 to 1, 61 of them, a bias of the output, data centred and scaled; each class or target of a set by a network
of its own; Digits is left out for its size. *Excess* is the exact leave-one-out error of the chosen decay
over the least one.

| data | hidden layers | least exact | chosen by exact leave-one-out | by the step | excess | by GCV | excess |
|---|---|---|---|---|---|---|---|
"""


def report() -> str:
    """Compare, and tabulate.

    Raises
    ------
    RuntimeError
        If a step without hidden layers, a fold, or a step that is trusted is wrong.
    """
    lines = [_STEP.format(problems=PROBLEMS), *_steps(), _FOLDS.format(error=_folds(), allowed=ALLOWED_FOLD), _BUNDLED]
    return "".join([*lines, *_bundled()])


def drawn(seed: int, hidden: int) -> tuple[Problem, bool]:
    """A random problem, and whether its errors are added over samples."""
    rng = np.random.default_rng([seed, hidden])
    n, d = int(rng.integers(20, 120)), int(rng.integers(2, 13))
    offset = float(rng.choice([0.0, 0.5, 2.0]))
    x = rng.normal(size=(n, d)) * np.geomspace(1.0, rng.uniform(1.0, 10.0), d) + offset
    signal = x @ rng.normal(size=(d, 1)) / np.sqrt(d)
    y = rng.uniform(0.3, 1.5) * signal / signal.std() + rng.normal(size=(n, 1)) + offset
    noise = float(rng.uniform(0.1, 1.0)) if hidden and rng.random() < 0.5 else 0.0
    layers = [Layer(int(rng.integers(1, 9)), weight_decay=1.0, noise_variance=noise) for _ in range(hidden)]
    network = Network((*layers, Layer(1, weight_decay=1.0)), bias=BIASES[seed % 3])
    return Problem(network, moments_of(x, y), Samples(x, y)), bool(rng.random() < 0.5)


def decays_of(problem: Problem) -> Axis:
    """Eight decays, two of them around the collapse where there is one."""
    spread = problem.spread
    values = spread * np.geomspace(1e-4, 1.0, 6)
    if problem.network.n_hidden:
        critical = solve(varied(problem, [Axis(SweepParameter.DECAY_SCALE, values)], 3)).solution.thresholds
        scale = critical.critical_decay_scale
        if scale is not None:
            values = np.sort(np.append(values, values[3] * scale * np.array([0.8, 1.1])))
    return Axis(SweepParameter.DECAY_SCALE, values)


def left_out_one_by_one(problem: Problem, axis: Axis, *, summed: bool) -> FloatArray:
    """Mean squared error (m,) on each sample by the minimum without it."""
    samples = _samples(problem)
    total: FloatArray = np.zeros(axis.values.size)
    for index in range(len(samples.x)):
        split = split_of_samples(samples.x, samples.y, np.array([index]))
        total = total + held_out_error(*trained_on(problem, axis, split, summed=summed))
    return total / len(samples.x)


def _samples(problem: Problem) -> Samples:
    if problem.samples is None:
        raise ValueError("only problems with samples are drawn")
    return problem.samples


def _steps() -> Iterator[str]:
    for hidden in DEPTHS:
        errors, doubts = [], []
        for seed in range(PROBLEMS):
            problem, summed = drawn(seed, hidden)
            axis = decays_of(problem)
            found = whole_columns(problem, axis, summed=summed)
            exact = left_out_one_by_one(problem, axis, summed=summed)
            if found.left_out is None:
                raise RuntimeError(found.left_out_reason)
            errors.append(np.abs(found.left_out - exact) / exact)
            doubts.append(found.doubt)
        error, doubt = np.concatenate(errors), np.concatenate(doubts)
        trusted = doubt == TRUSTED
        if error[trusted].max() > (FAR if hidden else ALLOWED):
            raise RuntimeError(f"{hidden} hidden layers: a trusted step is off by {error[trusted].max():.2g}")
        refused = ", ".join(str(int(np.sum(doubt == kind))) for kind in (JUMP, MOVED, LEVERAGE))
        there = error[~trusted] if (~trusted).any() else np.zeros(1)
        yield (
            f"| {hidden} | {error.size} | {int(trusted.sum())} | {np.median(error[trusted]):.1e} | "
            f"{error[trusted].max():.1e} | {refused} | {np.median(there):.1e}, {there.max():.1e} |\n"
        )


def _folds() -> float:
    """Largest relative difference between a fold on a table and the same problem solved alone."""
    largest = 0.0
    for seed in range(PROBLEMS):
        problem, summed = drawn(seed, seed % 4)
        samples, axis = _samples(problem), Axis(SweepParameter.DECAY_SCALE, np.array([0.02 * problem.spread, 0.1]))
        fold_of = FoldsInTurn(5, seed).next(len(samples.x))
        for fold in range(5):
            split = split_of_samples(samples.x, samples.y, np.flatnonzero(fold_of == fold))
            trained, own = trained_on(problem, axis, split, summed=summed)
            errors = held_out_error(trained, own)
            for place in range(axis.values.size):
                alone = solve(varied(trained, [own], place)).solution.minimum.evaluation_fit
                if alone is None:
                    raise RuntimeError("a fold has held-out data")
                largest = max(largest, abs(errors[place] - alone) / alone)
    if largest > ALLOWED_FOLD:
        raise RuntimeError(f"a fold differs from its own problem by {largest:.2g}")
    return float(largest)


def _sets() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for row in EXAMPLES:
        loaded = load(row.name, raw=False)
        targets = loaded.y
        if len(np.unique(loaded.y)) <= 10 and loaded.y.shape[1] == 1:
            labels = np.unique(loaded.y)
            targets = np.where(loaded.y == (labels[1:] if len(labels) == 2 else labels), 1.0, -1.0)
        for column in range(min(targets.shape[1], 3)):
            yield f"{row.name}, target {column + 1}", {"x": loaded.x, "y": targets[:, [column]]}


def _bundled() -> Iterator[str]:
    for name, data in _sets():
        x, y = data["x"], data["y"]
        if len(x) > 600:
            continue
        for hidden in (0, 1, 2):
            layers = [Layer(8, weight_decay=1.0) for _ in range(hidden)]
            network = Network((*layers, Layer(1, weight_decay=1.0)), bias=Bias.OUTPUT)
            problem = Problem(network, moments_of(x, y), Samples(x, y))
            axis = Axis(SweepParameter.WEIGHT_DECAY, np.geomspace(1e-4, 1.0, 61))
            found = whole_columns(problem, axis, summed=False)
            exact = left_out_one_by_one(problem, axis, summed=False)
            if found.left_out is None or found.freedom is None:
                raise RuntimeError(name)
            gcv = generalised(found.train, found.freedom, len(x), 1)
            step = np.where(found.doubt == TRUSTED, found.left_out, np.nan)
            places = [least(scores) or 0 for scores in (exact, step, gcv)]
            best, by_step, by_gcv = (float(axis.values[place]) for place in places)
            excess = [f"{100.0 * (exact[place] / exact.min() - 1.0):.2g} %" for place in places[1:]]
            yield (
                f"| {name} | {hidden} | {exact.min():.4f} | {best:.2g} | {by_step:.2g} | {excess[0]} | {by_gcv:.2g} | "
                f"{excess[1]} |\n"
            )
