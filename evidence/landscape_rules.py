"""Verdicts on random networks against descents and witnesses; every witness against code that constructs none."""

from collections import Counter
from typing import Any

import numpy as np
from scipy.optimize import minimize

from service.core.asked.landscape import Landscape, summarise
from service.core.catalogue import LANDSCAPE_RULES
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem, shapes_of
from service.core.landscapes.witnesses.claims import WitnessClaim
from service.core.landscapes.witnesses.table import Witness, witnesses
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.losses.nonlinear import evaluate
from service.operations.landscape import landscape as answer
from service.operations.landscape import parse
from service.settings import Limits
from service.vocabulary import Loss, Property
from tests.support.specs import random_spec
from tests.support.witness_checks import check
from tests.support.witness_instances import instances

SPECS = 5_000
SAMPLED = 50
DESCENTS = 20
AGREEMENT = 1e-6
ROUNDS = 3
"""Of five networks for each witness."""

NAMES = [f"W{number}" for number in range(1, 14)]


def start_of(problem: Problem, seed: int) -> DenseParameters:
    """Gaussian weights and biases of the network's own shapes."""
    rng = np.random.default_rng(seed)
    shapes = shapes_of(problem.network, problem.data.inputs)
    biases = [rng.normal(size=rows) if problem.network.has_bias(at) else None for at, (rows, _) in enumerate(shapes)]
    return DenseParameters(tuple(rng.normal(size=shape) for shape in shapes), tuple(biases))


def descend(problem: Problem, seed: int) -> float:
    """Loss at the end of one descent from a random start; frozen layers stay."""
    assert problem.samples is not None
    start, samples = start_of(problem, seed), problem.samples
    layers = problem.network.layers
    weights = tuple(
        weight if layer.frozen_weights is None else layer.frozen_weights
        for layer, weight in zip(layers, start.weights, strict=True)
    )
    start = DenseParameters(weights, start.biases)
    free = DenseParameters(
        tuple(
            np.full(weight.shape, layer.frozen_weights is None) for layer, weight in zip(layers, weights, strict=True)
        ),
        tuple(None if bias is None else np.ones(bias.shape) for bias in start.biases),
    )
    mask = flatten(free)

    def objective(flat: FloatArray) -> tuple[float, FloatArray]:
        found = evaluate(problem.network, problem.loss, unflatten(flat, start), samples)
        return found.loss, mask * flatten(found.gradient)

    found = minimize(
        objective,
        flatten(start),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 20_000, "maxfun": 40_000, "ftol": 1e-15, "gtol": 1e-10},
    )
    return float(found.fun)


def can_descend(problem: Problem, summary: Landscape) -> bool:
    """Proved to have global minima only, attained, and with a loss that is evaluated without sampling noise."""
    network = problem.network
    verdict = summary.verdicts[Property.NO_SPURIOUS_LOCAL_MINIMA]
    noisy = network.input_noise_variance or np.any(network.noise_variances)
    if verdict.value is not True or verdict.vacuous or problem.samples is None or network.skips or noisy:
        return False
    return network.n_hidden > 0 and problem.loss in (Loss.SQUARED, Loss.LOGISTIC, Loss.EXPONENTIAL, Loss.CROSS_ENTROPY)


def spurious(problem: Problem, shown: tuple[Witness, ...]) -> set[str]:
    """Ids of the verified witnesses of spurious minima for the problem's own targets."""
    claims = {WitnessClaim.SPURIOUS_MINIMUM, WitnessClaim.MOVED_AWAY}
    found = set()
    for item in shown:
        construction = item.construction
        own = construction.samples is None or construction.samples is problem.samples
        several = construction.claim is WitnessClaim.CLASSIFIED_POINTS and float(
            item.verified.numbers["gap_of_worst_minimum"]
        ) > 1e-9 * max(1.0, problem.data.yy)
        if item.verified.holds and own and (construction.claim in claims or several):
            found.add(construction.id)
    return found


def _why_none(problem: Problem) -> str:
    """Why no witness can be constructed, where the problem shows it."""
    network = problem.network
    if problem.samples is None:
        return " (no samples)"
    return " (noise)" if network.input_noise_variance or np.any(network.noise_variances) else ""


def verdicts() -> list[str]:
    """5,000 random specs; a contradiction of rules, descents or witnesses raises."""
    counts: Counter[str] = Counter()
    built: Counter[str] = Counter()
    refuted: Counter[str] = Counter()
    cited: Counter[str] = Counter()
    tried, worst = 0, 0.0
    for seed in range(SPECS):
        problem = random_spec(seed)
        summary = summarise(problem)
        counts.update(f"`{name}`: {str(ruling.value).lower()}" for name, ruling in summary.verdicts.items())
        shown = witnesses(problem, summary.rules)
        for item in shown:
            (built if item.verified.holds else refuted)[item.construction.id] += 1
        found = spurious(problem, shown)
        verdict = summary.verdicts[Property.SPURIOUS_MINIMA_EXIST]
        if verdict.value is False and found:
            raise AssertionError(f"seed {seed}: {verdict.because} exclude what {found} shows")
        if verdict.value is True:
            counts[
                "spurious minima: with a verified witness" if found else "spurious minima: with a citation only"
            ] += 1
            if not found:
                cited[", ".join(verdict.because) + _why_none(problem)] += 1
        elif verdict.value is None and found:
            counts["spurious minima: undecided by theorems, shown by a witness"] += 1
        if tried < SAMPLED and can_descend(problem, summary):
            tried += 1
            ends = [descend(problem, start) for start in range(DESCENTS)]
            spread = (max(ends) - min(ends)) / max(1.0, *ends)
            if spread > AGREEMENT:
                raise AssertionError(f"seed {seed}: descents end at {min(ends)} and {max(ends)}")
            worst = max(worst, spread)
    lines = [
        f"{SPECS} random problems (seeds 0 to {SPECS - 1}), {len(LANDSCAPE_RULES)} rules each: no contradiction",
        "between rules, and none between a rule and a verified witness; either would have stopped this report.",
        "",
        f"The first {tried} problems with hidden layers for which every local minimum is proved to be global, and one",
        "exists:",
        f"{DESCENTS} descents from random starts end at one loss in all {tried} (largest spread {worst:.1e}).",
        "",
        "| outcome | problems |",
        "|---|---|",
        *(f"| {name} | {count} |" for name, count in sorted(counts.items())),
        "",
        "Spurious minima with a citation only, by the rules that decide:",
        "",
        "| rules | problems |",
        "|---|---|",
        *(f"| {name} | {count} |" for name, count in cited.most_common()),
        "",
        "| witness | verified | constructed and refuted |",
        "|---|---|---|",
    ]
    return [*lines, *(f"| {name} | {built[name]} | {refuted[name]} |" for name in NAMES)]


def independent() -> list[str]:
    """Every witness on many networks, from the JSON of the answer; a failed check raises."""
    checked: Counter[str] = Counter()
    networks: dict[str, set[str]] = {}
    for wanted, body in instances(ROUNDS):
        document: dict[str, Any] = answer(parse(body).request, Limits()).model_dump(mode="json", by_alias=True)
        found = {item["id"]: item for item in document["witnesses"]}
        check(body, found[wanted])
        checked[wanted] += 1
        networks.setdefault(wanted, set()).add(document["problem_hash"])
    return [
        "## Every witness, by other code",
        "",
        "From the JSON of the answer alone: an own forward pass, gradients and Hessians from differences of losses,",
        "own perturbations and descents (`tests/support/witness_checks.py`, which imports nothing of the service).",
        "",
        "| witness | different networks | passed |",
        "|---|---|---|",
        *(f"| {name} | {len(networks[name])} | {checked[name]} |" for name in NAMES),
    ]


def report() -> str:
    """Both parts."""
    return "\n".join([*verdicts(), "", *independent()]) + "\n"
