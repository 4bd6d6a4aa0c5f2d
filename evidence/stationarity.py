"""Diagnosis: what counts as stationary at any scale, at minima, and in short formats."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np

from service.core.dispatch import solve
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.ground.results import Minima
from service.core.losses.dense import DenseParameters
from service.core.points.diagnosis import diagnose
from service.core.points.gradient_bound import GradientBound, sizes_of
from service.core.points.precision import FORMATS, Format
from service.core.points.stationarity import stationarity_of
from service.vocabulary import Bias, NumberFormat, PointClass, Status, ToleranceSource
from tests.support import outputs_instances as families
from tests.support.outputs_instances import Shape, network_of, random_decays, random_moments, white_moments

DRAWS: Final = {
    "no decay": families.undecayed,
    "decay, white inputs": families.decayed_white,
    "two layers with decay": families.two_layers_decayed,
    "bottleneck of one": families.rank_one,
    "dropout": families.two_layer_dropout,
    "autoencoder": families.autoencoder,
    "noise under a bias": families.noise_under_a_bias,
    "deep with decay": families.deep_decayed,
    "noise, only bounded": families.noisy_general,
}
MINIMA_EACH: Final = 12
STORED: Final = 200
NOT_AT_REST: Final = 1e3


def dense(minima: Minima) -> DenseParameters | None:
    """The returned weights."""
    found = minima.solution.minimum.parameters
    if found is None:
        return None
    biases = tuple(None if bias is None else bias.dense()[:, 0] for bias in found.biases)
    return DenseParameters(tuple(weight.dense() for weight in found.weights), biases)


def points_at_no_rest() -> Iterator[tuple[Problem, DenseParameters]]:
    """Random weights of every scale on targets of every scale, related to the inputs or mostly not."""
    for seed in range(2):
        for layers in (1, 2, 3, 4):
            for decayed, bias in ((True, Bias.NONE), (False, Bias.NONE), (True, Bias.OUTPUT)):
                rng = np.random.default_rng([seed, layers, decayed])
                shape = Shape(3, (3,) * (layers - 1), 2)
                decays = random_decays(rng, layers, 0.01, 0.3) if decayed else [0.0] * layers
                network, moments = network_of(shape, decays, bias=bias), random_moments(rng, shape)
                for power in range(-12, 13, 3):
                    unit = np.sqrt(10.0**power / moments.yy)
                    means = None if moments.y_mean is None else unit * moments.y_mean
                    data = replace(moments, xy=unit * moments.xy, yy=10.0**power, y_mean=means)
                    for scale in 10.0 ** np.arange(-12.0, 4.0):
                        yield Problem(network, data), _random(rng, shape, bias, scale)


def _random(rng: np.random.Generator, shape: Shape, bias: Bias, scale: float) -> DenseParameters:
    widths = [shape.inputs, *shape.hidden, shape.outputs]
    weights = tuple(scale * rng.standard_normal((after, before)) for before, after in pairwise(widths))
    last = scale * rng.standard_normal(shape.outputs) if bias is Bias.OUTPUT else None
    return DenseParameters(weights, (*(None for _ in shape.hidden), last))


def at_minima() -> list[str]:
    """Rows: gradients at returned weights against their rounding, and what the diagnosis says of them."""
    rows = []
    for name, draw in DRAWS.items():
        shares: list[float] = []
        classes: Counter[str] = Counter()
        sources: Counter[str] = Counter()
        for seed in range(MINIMA_EACH):
            problem = draw(np.random.default_rng(seed))
            minima = solve(problem)
            weights = dense(minima)
            if weights is None:
                continue
            bound = GradientBound.of(problem)
            at = stationarity_of(problem, weights)
            shares.append(float(np.max(at.norm / at.tolerance)) if at.norm > 0.0 else 0.0)
            found = diagnose(problem, weights, minima)
            classes[found.point_class.value] += 1
            sources[found.tolerance_source.value] += 1
            closed = minima.status is not Status.BOUNDED
            assert not closed or found.point_class is PointClass.GLOBAL_MINIMUM, f"{name}, seed {seed}"
            assert bound.loss(sizes_of(weights)) >= found.loss, f"{name}, seed {seed}: the bound on terms of the loss"
        told = ", ".join(f"{count} {kind}" for kind, count in classes.most_common())
        by = ", ".join(f"{count} {kind}" for kind, count in sources.most_common())
        rows.append(f"| {name} | {len(shares)} | {np.median(shares):.2f} | {max(shares):.2f} | {by} | {told} |")
    return rows


def _turned(rng: np.random.Generator, weights: Sequence[FloatArray]) -> list[FloatArray]:
    """The same map in random hidden coordinates, as training would leave them."""
    turned = list(weights)
    for index in range(len(weights) - 1):
        turn = np.linalg.qr(rng.standard_normal((len(weights[index]), len(weights[index]))))[0]
        turned[index], turned[index + 1] = turn @ turned[index], turned[index + 1] @ turn.T
    return turned


def _stored_in(array: FloatArray | None, form: Format) -> FloatArray | None:
    if array is None:
        return None
    spacing = form.spacing(array)
    stored: FloatArray = np.round(array / spacing) * spacing
    return stored


def in_short_formats() -> list[str]:
    """Rows: minima of random decayed networks stored in fewer bits."""
    rows = []
    for form in sorted(FORMATS, key=lambda form: -form.bits):
        classes: Counter[str] = Counter()
        told: Counter[str] = Counter()
        negative, longest = 0, 0.0
        for seed in range(STORED):
            rng = np.random.default_rng(seed)
            layers, outputs = int(rng.integers(2, 4)), int(rng.integers(1, 4))
            shape = Shape(int(rng.integers(2, 5)), tuple(int(w) for w in rng.integers(3, 6, layers - 1)), outputs)
            moments = (random_moments if outputs == 1 else white_moments)(rng, shape)
            problem = Problem(network_of(shape, random_decays(rng, layers, 1e-4, 1e-2)), moments)
            minima = solve(problem)
            exact = dense(minima)
            assert exact is not None, f"seed {seed}"
            weights = tuple(_stored_in(weight, form) for weight in _turned(rng, exact.weights))
            point = DenseParameters(tuple(weight for weight in weights if weight is not None), exact.biases)
            found = diagnose(problem, point, minima)
            classes[found.point_class.value] += 1
            told[found.precision.value] += 1
            assert found.inertia is not None, f"seed {seed}"
            negative += found.inertia["negative"]
            longest = max(longest, found.gradient_norm / moments.yy)
        assert negative == 0, f"{form.precision}: negative eigenvalues beyond rounding"
        kinds = ", ".join(f"{count} {kind}" for kind, count in classes.most_common())
        names = ", ".join(f"{count} {kind}" for kind, count in told.most_common())
        rows.append(f"| {form.precision.value} | {longest:.1e} | {names} | {kinds} | {negative} |")
    return rows


def report() -> str:
    """Three tables."""
    count, nearest = 0, np.inf
    for problem, point in points_at_no_rest():
        at = stationarity_of(problem, point)
        assert not at.stationary, f"a random point counts as stationary, gradient {at.norm}"
        nearest = min(nearest, at.norm / max(at.tolerance, 1e-300))
        count += 1
    assert nearest > NOT_AT_REST, f"a gradient is only {nearest} times its tolerance"
    sources = f"`{ToleranceSource.ROUNDING}`, or `{ToleranceSource.MINIMUM}`"
    return "\n".join(
        [
            (
                f"**Points that are not at rest.** {count} random weights of sizes 1e-12 to 1e3, one to four layers, "
                "with and without decay and bias, targets of mean square 1e-12 to 1e12: none counts as stationary; the "
                f"shortest gradient is {nearest:.1e} times its tolerance."
            ),
            "",
            (
                "**Minima.** The weights that solvers return, their gradient as a share of its rounding (largest over "
                f"the entries), and what set the tolerance: {sources} where an iterative method ends a little above "
                "rounding. Every certified minimum is diagnosed as global."
            ),
            "",
            "| problems | minima | median share | largest share | tolerance | class |",
            "|---|---|---|---|---|---|",
            *at_minima(),
            "",
            (
                f"**Short formats.** {STORED} minima of networks with decay, one to three outputs, in random hidden "
                f"coordinates and rounded to the format. `{NumberFormat.DOUBLE}` would be told where they fill no "
                "shorter one."
            ),
            "",
            "| format | longest gradient / yy | precision told | class | negative eigenvalues |",
            "|---|---|---|---|---|",
            *in_short_formats(),
        ]
    )
