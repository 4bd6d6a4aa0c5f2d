"""Compression: errors against direct decompositions, budgets against every choice, a network trained on Digits."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from service.core.compression.allocation import least_numbers, most_numbers, within_budget, within_error
from service.core.compression.inputs import InputRoot, of_moments, of_samples, white
from service.core.compression.layer import best_factors, errors_by_rank, singular_values
from service.core.compression.options import DENSE, LayerOptions, options_of
from service.core.ground.numbers.arrays import FloatArray

LAYERS: Final = 100
ALLOWED: Final = 1e-12
SMALL_CASES: Final = 400
SEEDS: Final = range(10)
HIDDEN: Final = (96, 96, 48)
RATIOS: Final = (0.75, 0.5, 0.35, 0.25)

_LAYERS: Final = """\
## Layers against direct decompositions
{layers} random layers of 1 to 60 outputs and inputs: white inputs, second moments, samples (more and fewer than
inputs), corrections of matrices rounded to one digit. Errors at all ranks against `W S^(1/2)`, S^(1/2) the
symmetric root of the moments or the scaled samples themselves; the error of the factors as it is measured on them.
Relative to the error at rank 0.

| inputs | layers | errors by rank, largest difference | factors, largest difference |
|---|---|---|---|
"""
_CHOICES: Final = """
## Budgets and errors against every choice
{cases} cases of one to five layers up to 10 x 10, some with matrices that may stay and some corrections: the chosen
ranks reach the best of all combinations, and no lower bound exceeds it.

| | cases | equal to the best | proved within rounding | largest bound over the best |
|---|---|---|---|---|
"""
_LARGE: Final = """
## Layers of the size of language models
224 layers with drawn spectra, half of the numbers: (value - bound) / value, where no exhaustive search is possible.

| layers | budget: gap | error: gap |
|---|---|---|
"""
_DIGITS: Final = """
## A network trained on Digits
`MLPClassifier` of scikit-learn, 64-{hidden}-10, ReLU, {seeds} seeds and splits: 1,200 images to train, 597 to test.
Second moments are those of what each layer reads on the images of the training; biases stay. *Uniform*: every
matrix at the same share of its numbers, by plain SVD or on the activations; *output kept*: the same, but the last
matrix stays and the others pay for it. *Budget*: ranks of this engine for the same total, by plain SVD, on the
activations, and on the activations with every layer's error as a share of its own outputs (`weighting: relative`).

Mean accuracy on the test; the network as it was has {before:.2f} %.

| numbers | {names} |
|---|{rules}|
"""
_ERRORS: Final = """
The errors behind it: changes of the outputs on the activations as shares of them, summed over the layers, mean over
seeds.

| numbers | {names} |
|---|{rules}|
"""
_READING: Final = """
At half of the numbers the engine's ranks cost {lost:.2f} points of accuracy, and uniform ranks on the same
activations {uniform:.2f}, with the output layer kept {kept:.2f}. Most of that comes from keeping small matrices as
they are, which a share common to all does not see; activations matter more the fewer numbers are left. The sum of
layer errors and the accuracy do not always agree on the order of two ways that are close.
"""


def report() -> str:
    """Compare, and tabulate.

    Raises
    ------
    RuntimeError
        If a layer, a choice or a bound is wrong.
    """
    head = _LAYERS.format(layers=LAYERS)
    choices = _CHOICES.format(cases=SMALL_CASES)
    return "".join([head, *_layers(), choices, *_choices(), _LARGE, *_large(), *_digits()])


def _layers() -> Iterator[str]:
    for kind in ("white", "moments", "samples", "few samples", "correction"):
        by_rank, by_factors = 0.0, 0.0
        count = LAYERS // 5
        for seed in range(count):
            weights, inputs, root = _drawn(kind, seed)
            errors = errors_by_rank(singular_values(weights, inputs))
            values = np.linalg.svd(weights @ root, compute_uv=False)
            for rank in range(errors.size):
                by_rank = max(by_rank, abs(errors[rank] - float(np.sum(values[rank:] ** 2))) / errors[0])
                factors = best_factors(weights, inputs, rank)
                measured = float(np.sum(((weights - factors.left @ factors.right) @ root) ** 2))
                by_factors = max(by_factors, abs(measured - errors[rank]) / errors[0])
        if max(by_rank, by_factors) > ALLOWED:
            raise RuntimeError(f"{kind}: off by {max(by_rank, by_factors):.2g}")
        yield f"| {kind} | {count} | {by_rank:.1e} | {by_factors:.1e} |\n"


def _drawn(kind: str, seed: int) -> tuple[FloatArray, InputRoot, FloatArray]:
    """Weights, their inputs, and another root of the moments (d, q)."""
    rng = np.random.default_rng([seed, len(kind)])
    outputs, width = (int(side) for side in rng.integers(1, 61, 2))
    weights = rng.normal(size=(outputs, width)) * np.exp(-rng.random(width) * rng.uniform(0.0, 5.0))
    if kind == "white":
        return weights, white(width), np.eye(width)
    if kind == "correction":
        weights = weights - np.round(weights, 1)
    rows = max(width // 2, 1) if kind == "few samples" else 2 * width + 3
    x = rng.normal(size=(rows, width)) @ rng.normal(size=(width, width)) + rng.normal(size=width)
    if kind == "moments":
        xx = x.T @ x / rows
        values, vectors = np.linalg.eigh(xx)
        return weights, of_moments(xx), (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    return weights, of_samples(x), x.T / np.sqrt(rows)


def _choices() -> Iterator[str]:
    for name in ("budget", "error"):
        equal, proved, over = 0, 0, 0.0
        for seed in range(SMALL_CASES):
            rng = np.random.default_rng([seed, len(name)])
            layers = [_options(rng) for _ in range(int(rng.integers(1, 6)))]
            all_of_them = list(_every(layers))
            if name == "budget":
                allowed = float(rng.integers(int(least_numbers(layers)), int(most_numbers(layers)) + 1))
                best = min(error for numbers, error in all_of_them if numbers <= allowed)
                found = within_budget(layers, allowed)
                reached = found.error
            else:
                allowed = float(rng.random()) * max(error for _, error in all_of_them)
                best = min(numbers for numbers, error in all_of_them if error <= allowed * (1.0 + 1e-12))
                found = within_error(layers, allowed)
                reached = found.numbers
            equal += abs(reached - best) <= ALLOWED * best
            proved += found.optimal
            over = max(over, found.lower_bound / best - 1.0 if best > 0.0 else 0.0)
        if equal < SMALL_CASES or over > 0.0:
            raise RuntimeError(f"{name}: {SMALL_CASES - equal} choices are not the best, or a bound is wrong")
        yield f"| {name} | {SMALL_CASES} | {equal} | {proved} | {over:.1e} |\n"


def _options(rng: np.random.Generator) -> LayerOptions:
    outputs, inputs = (int(side) for side in rng.integers(1, 11, 2))
    values = _spectrum(rng, min(outputs, inputs))
    dense = bool(rng.random() < 0.7)
    return options_of(errors_by_rank(values), (outputs, inputs), int(rng.integers(0, 3)) if dense else 0, dense=dense)


def _spectrum(rng: np.random.Generator, count: int) -> FloatArray:
    values: FloatArray = np.sort(np.exp(rng.normal() - 6.0 * rng.random(count) ** rng.uniform(0.3, 2.0)))[::-1]
    return values


def _every(layers: Sequence[LayerOptions]) -> Iterator[tuple[float, float]]:
    for places in product(*(range(layer.ranks.size) for layer in layers)):
        chosen = list(zip(layers, places, strict=True))
        yield (
            float(sum(layer.numbers[place] for layer, place in chosen)),
            float(np.sum([layer.errors[place] for layer, place in chosen])),
        )


def _large() -> Iterator[str]:
    square = [(4096, 4096)] * 224
    mixed = ([(4096, 4096)] * 4 + [(11008, 4096)] * 2 + [(4096, 11008)]) * 32
    for name, shapes in (("4096 x 4096", square), ("four of 4096 x 4096, three of 11008 x 4096, 32 times", mixed)):
        rng = np.random.default_rng(0)
        layers = [options_of(errors_by_rank(_spectrum(rng, min(shape))), shape, 1, dense=True) for shape in shapes]
        budget = within_budget(layers, 0.5 * sum(outputs * inputs for outputs, inputs in shapes))
        error = within_error(layers, budget.error)
        gaps = (budget.error - budget.lower_bound) / budget.error, (error.numbers - error.lower_bound) / error.numbers
        yield f"| {name} | {gaps[0]:.1e} | {gaps[1]:.1e} |\n"


@dataclass(frozen=True)
class TrainedNetwork:
    """A network with what its layers read, and images that it has not seen."""

    weights: list[FloatArray]
    biases: list[FloatArray]
    read: list[FloatArray]
    x: FloatArray
    labels: Any

    def accuracy(self, weights: Sequence[FloatArray]) -> float:
        """Share of the images that are classified rightly with other weights."""
        return float(np.mean(forward(self.x, weights, self.biases)[-1].argmax(axis=1) == self.labels))


def forward(x: FloatArray, weights: Sequence[FloatArray], biases: Sequence[FloatArray]) -> list[FloatArray]:
    """What each layer reads, and the outputs."""
    found = [x]
    for place, (matrix, bias) in enumerate(zip(weights, biases, strict=True)):
        written = found[-1] @ matrix.T + bias
        found.append(written if place == len(weights) - 1 else np.maximum(written, 0.0))
    return found


def trained(seed: int) -> TrainedNetwork:
    """A network of scikit-learn on Digits."""
    x, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(x))
    train, test = order[:1200], order[1200:]
    model = MLPClassifier(HIDDEN, max_iter=300, random_state=seed).fit(x[train] / 16.0, labels[train])
    weights = [matrix.T.astype(np.float64) for matrix in model.coefs_]
    read = forward(x[train] / 16.0, weights, model.intercepts_)[:-1]
    return TrainedNetwork(weights, list(model.intercepts_), read, x[test] / 16.0, labels[test])


def uniform(network: TrainedNetwork, ratio: float) -> list[int]:
    """Ranks that leave every matrix the same share of its numbers."""
    return [max(int(ratio * matrix.size / sum(matrix.shape)), 1) for matrix in network.weights]


def output_kept(network: TrainedNetwork, ratio: float) -> list[int]:
    """The same of all matrices but the last one, which stays."""
    *hidden, last = network.weights
    total = sum(matrix.size for matrix in network.weights)
    left = (ratio * total - last.size) / (total - last.size)
    return [*(max(int(left * matrix.size / sum(matrix.shape)), 1) for matrix in hidden), DENSE]


def budget(network: TrainedNetwork, ratio: float, inputs: Sequence[InputRoot], *, shares: bool) -> list[int]:
    """Ranks that the engine chooses."""
    errors = [
        errors_by_rank(singular_values(matrix, root)) for matrix, root in zip(network.weights, inputs, strict=True)
    ]
    layers = [
        options_of(each / (each[0] if shares else 1.0), (matrix.shape[0], matrix.shape[1]), 1, dense=True)
        for each, matrix in zip(errors, network.weights, strict=True)
    ]
    found = within_budget(layers, ratio * sum(matrix.size for matrix in network.weights))
    return [int(layer.ranks[place]) for layer, place in zip(layers, found.chosen, strict=True)]


def replaced(network: TrainedNetwork, ranks: Sequence[int], inputs: Sequence[InputRoot]) -> list[FloatArray]:
    """Matrices of these ranks."""
    found = []
    for matrix, rank, root in zip(network.weights, ranks, inputs, strict=True):
        factors = None if rank == DENSE else best_factors(matrix, root, rank)
        found.append(matrix if factors is None else factors.left @ factors.right)
    return found


def layer_errors(network: TrainedNetwork, weights: Sequence[FloatArray], inputs: Sequence[InputRoot]) -> float:
    """Sum over layers of the change of the outputs, as a share of them."""
    return float(
        sum(
            np.sum(root.seen(matrix - other) ** 2) / np.sum(root.seen(matrix) ** 2)
            for matrix, other, root in zip(network.weights, weights, inputs, strict=True)
        )
    )


Way = Callable[[TrainedNetwork, float], list[FloatArray]]


def _ways() -> Mapping[str, Way]:
    def plain(network: TrainedNetwork) -> list[InputRoot]:
        return [white(matrix.shape[1]) for matrix in network.weights]

    def seen(network: TrainedNetwork) -> list[InputRoot]:
        return [of_samples(x) for x in network.read]

    return {
        "uniform, plain SVD": lambda network, ratio: replaced(network, uniform(network, ratio), plain(network)),
        "uniform": lambda network, ratio: replaced(network, uniform(network, ratio), seen(network)),
        "output kept": lambda network, ratio: replaced(network, output_kept(network, ratio), seen(network)),
        "budget, plain SVD": lambda network, ratio: replaced(
            network, budget(network, ratio, plain(network), shares=False), plain(network)
        ),
        "budget": lambda network, ratio: replaced(
            network, budget(network, ratio, seen(network), shares=False), seen(network)
        ),
        "budget, shares": lambda network, ratio: replaced(
            network, budget(network, ratio, seen(network), shares=True), seen(network)
        ),
    }


def _digits() -> Iterator[str]:
    networks = [trained(seed) for seed in SEEDS]
    before = 100.0 * float(np.mean([network.accuracy(network.weights) for network in networks]))
    ways = _ways()
    head = {"names": " | ".join(ways), "rules": "|".join("---" for _ in ways)}
    accuracy: dict[tuple[float, str], float] = {}
    error: dict[tuple[float, str], float] = {}
    for ratio, (name, way) in product(RATIOS, ways.items()):
        pairs = [(network, way(network, ratio)) for network in networks]
        accuracy[ratio, name] = 100.0 * float(np.mean([network.accuracy(weights) for network, weights in pairs]))
        errors = [layer_errors(each, weights, [of_samples(x) for x in each.read]) for each, weights in pairs]
        error[ratio, name] = float(np.mean(errors))
    yield _DIGITS.format(hidden="-".join(map(str, HIDDEN)), seeds=len(networks), before=before, **head)
    yield from (_row(ratio, [f"{accuracy[ratio, name]:.2f} %" for name in ways]) for ratio in RATIOS)
    yield _ERRORS.format(**head)
    yield from (_row(ratio, [f"{error[ratio, name]:.4f}" for name in ways]) for ratio in RATIOS)
    lost = {name: before - accuracy[0.5, name] for name in ways}
    yield _READING.format(lost=lost["budget"], uniform=lost["uniform"], kept=lost["output kept"])


def _row(ratio: float, cells: Sequence[str]) -> str:
    return f"| {ratio:g} | {' | '.join(cells)} |\n"
