"""Verdicts on random networks against descents and witnesses."""

from collections import Counter

import numpy as np
from scipy.optimize import minimize

from service.core.arrays import FloatArray
from service.core.catalogue import LANDSCAPE_RULES
from service.core.landscape import landscape
from service.core.losses import DenseParameters
from service.core.nonlinear import evaluate
from service.core.problems import Problem, shapes_of
from service.core.witnesses import witnesses
from service.vocabulary import Loss, Property
from tests.property.specs import random_spec

SPECS = 5_000
SAMPLED = 50
DESCENTS = 20


def descend(problem: Problem, seed: int) -> float:
    """Loss at the end of one descent from a random start; both are the network's own."""
    assert problem.samples is not None
    shapes = shapes_of(problem.network, problem.data.inputs)
    biased = [problem.network.has_bias(index) for index in range(problem.network.n_layers)]
    rng = np.random.default_rng(seed)

    def shaped(flat: FloatArray) -> DenseParameters:
        position, weights, biases = 0, [], []
        for (rows, columns), has_bias in zip(shapes, biased, strict=True):
            weights.append(flat[position : position + rows * columns].reshape(rows, columns))
            position += rows * columns
            biases.append(flat[position : position + rows] if has_bias else None)
            position += rows if has_bias else 0
        return DenseParameters(tuple(weights), tuple(biases))

    def objective(flat: FloatArray) -> tuple[float, FloatArray]:
        assert problem.samples is not None
        found = evaluate(problem.network, problem.loss, shaped(flat), problem.samples)
        parts = []
        for weight, bias in zip(found.gradient.weights, found.gradient.biases, strict=True):
            parts.append(np.ravel(weight))
            if bias is not None:
                parts.append(bias)
        return found.loss, np.concatenate(parts)

    size = sum(rows * columns + rows * has for (rows, columns), has in zip(shapes, biased, strict=True))
    found = minimize(
        objective,
        rng.normal(size=size),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 20_000, "maxfun": 40_000, "ftol": 1e-15, "gtol": 1e-10},
    )
    return float(found.fun)


def report() -> str:
    """Run everything and describe it; a contradiction or a disagreement raises."""
    counts: Counter[str] = Counter()
    agreeing, tried, worst = 0, 0, 0.0
    for seed in range(SPECS):
        problem = random_spec(seed)
        summary = landscape(problem)
        counts.update(f"{name}: {ruling.value}" for name, ruling in summary.verdicts.items())
        if summary.verdicts[Property.SPURIOUS_MINIMA_EXIST].value is True:
            shown = witnesses(problem, summary.rules)
            verified = any(item.verified.holds for item in shown)
            counts["spurious, with a verified witness" if verified else "spurious, with a citation only"] += 1
        plain = problem.samples is not None and problem.loss is Loss.SQUARED and not problem.network.skips
        trained = all(layer.frozen_weights is None for layer in problem.network.layers)
        noiseless = not np.any(problem.network.noise_variances)
        sure = summary.verdicts[Property.NO_SPURIOUS_LOCAL_MINIMA].value is True
        if tried < SAMPLED and sure and plain and trained and noiseless and problem.network.n_hidden:
            tried += 1
            ends = [descend(problem, start) for start in range(DESCENTS)]
            spread = (max(ends) - min(ends)) / max(1.0, *ends)
            worst = max(worst, spread)
            agreeing += spread < 1e-6
    if agreeing < tried:
        raise AssertionError(f"descents disagree in {tried - agreeing} of {tried} problems without spurious minima")
    lines = [
        f"{SPECS} random problems (seeds 0 to {SPECS - 1}), {len(LANDSCAPE_RULES)} rules each: no contradiction, which",
        "would have stopped this report.",
        "",
        f"Of {tried} problems for which every local minimum is proved to be global, {DESCENTS} descents agree in",
        f"{agreeing} (largest spread of the losses {worst:.1e}).",
        "",
        "| outcome | problems |",
        "|---|---|",
        *(f"| {name} | {count} |" for name, count in sorted(counts.items())),
    ]
    return "\n".join(lines) + "\n"
