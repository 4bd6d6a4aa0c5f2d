"""Rank predictions against gradient flow: the theory's inequalities, asserted at every recorded moment."""

import time

import numpy as np

from service.core.arrays import FloatArray
from service.core.dynamics.flow import Until, gaussian_start, run
from service.core.dynamics.flow_rates import Rates
from service.core.dynamics.flow_record import FlowRecord, record_of
from service.core.moments import moments_of
from service.core.problems import Layer, Network, Problem, Samples, Skip
from service.core.ranks.setting import Setting
from service.core.ranks.snapshot import flatten, unflatten
from service.vocabulary import Activation, FlowStop, Loss, SkipKind

RELU = Activation.RELU
XOR = (np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]]), np.array([[1.0], [1.0], [-1.0], [-1.0]]))


def separable(seed: int, n: int, d: int, gap: float = 0.2) -> tuple[FloatArray, FloatArray]:
    """Normal inputs, signs of a random linear map, pushed apart by ``gap``."""
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=(n, d)), rng.normal(size=d)
    y = np.sign(x @ w)[:, np.newaxis]
    return x + gap * y * w / np.linalg.norm(w), y


def three_classes(seed: int, n: int, d: int) -> tuple[FloatArray, FloatArray]:
    """Normal inputs around three of the axes, with one-hot labels."""
    rng = np.random.default_rng(seed)
    classes = np.arange(n) % 3
    return rng.normal(size=(n, d)) * 0.5 + 3.0 * np.eye(d)[classes], np.eye(3)[classes]


def setting_of(data: tuple[FloatArray, FloatArray], layers: tuple[Layer, ...], loss: Loss, *skips: Skip) -> Setting:
    """A network on data."""
    x, y = data
    return Setting(Problem(Network(layers, skips=skips), moments_of(x, y), Samples(x, y), loss), x.shape[1])


def flow(
    setting: Setting, scale: float, log_loss: float, seed: int = 1, effort: int = 2_000_000
) -> tuple[FlowRecord, float]:
    """The record of a flow and the seconds that it took."""
    before = time.perf_counter()
    states, snapshots = run(setting, gaussian_start(setting, scale, seed), Until(log_loss, effort))
    seconds = time.perf_counter() - before
    return record_of(setting, states, snapshots), seconds


def check(record: FlowRecord, slack: float) -> float:
    """Assert tails, stable ranks and invariants; return the largest drift."""
    for row in record.ranks.progress:
        if row.tail_bound is not None:
            assert max(row.tails) <= row.tail_bound * (1.0 + slack) + slack, "a tail exceeds its bound"
        for value, bound in zip(row.stable_ranks, row.stable_rank_bounds, strict=True):
            assert bound is None or value is None or value <= bound * (1.0 + slack), "a stable rank exceeds its bound"
    return max((max(row.drifts) for row in record.ranks.invariants if row.drifts), default=0.0)


def _shares(record: FlowRecord, layer: int) -> str:
    values = record.ranks.progress[layer].singular_values[-1]
    return ", ".join(f"{value / values[0]:.3g}" for value in values[:4])


def experiments() -> list[tuple[str, Setting, float, float, float]]:
    """Name, setting, scale of the start, log loss to reach and slack of the integrator."""
    x_orthonormal = np.eye(6)
    y_orthonormal = np.array([[1.0], [-1.0], [1.0], [-1.0], [1.0], [-1.0]])
    fixed = np.array([[1.0, -1.0] * 4]) / np.sqrt(8.0)
    leaky = (Layer(8, Activation.LEAKY_RELU, 0.25), Layer(1, frozen_weights=fixed))
    linear = (Layer(6), Layer(4), Layer(1))
    streams = (Layer(6), Layer(6), Layer(6), Layer(1))
    return [
        ("linear 5-6-4-1", setting_of(separable(0, 20, 5), linear, Loss.EXPONENTIAL), 0.3, -1e4, 1e-6),
        (
            "ReLU with a linear tail 4-10-8-6-1",
            setting_of(separable(1, 20, 4), (Layer(10, RELU), Layer(8), Layer(6), Layer(1)), Loss.LOGISTIC),
            0.7,
            -1000.0,
            1e-3,
        ),
        (
            "two ReLU layers 4-10-8-1",
            setting_of(separable(2, 16, 4), (Layer(10, RELU), Layer(8, RELU), Layer(1)), Loss.LOGISTIC),
            0.9,
            -300.0,
            1e-3,
        ),
        ("XOR 2-12-1", setting_of(XOR, (Layer(12, RELU), Layer(1)), Loss.LOGISTIC), 0.5, -300.0, 1e-3),
        (
            "trainable skip",
            setting_of(
                separable(3, 20, 5), (Layer(6, RELU), Layer(5), Layer(1)), Loss.LOGISTIC, Skip(0, 2, SkipKind.TRAINABLE)
            ),
            0.5,
            -300.0,
            1e-3,
        ),
        (
            "identity skip",
            setting_of(separable(4, 20, 5), streams, Loss.LOGISTIC, Skip(1, 2, SkipKind.IDENTITY)),
            0.5,
            -300.0,
            1e-6,
        ),
        (
            "cross-entropy of three classes 4-6-5-3",
            setting_of(three_classes(5, 18, 4), (Layer(6), Layer(5), Layer(3)), Loss.CROSS_ENTROPY),
            0.3,
            -2000.0,
            1e-6,
        ),
        (
            "leaky ReLU, orthonormal inputs",
            setting_of((x_orthonormal, y_orthonormal), leaky, Loss.LOGISTIC),
            0.05,
            -60.0,
            1e-3,
        ),
    ]


def gradient_descent(setting: Setting, scale: float, target: float, step: float) -> tuple[float, int]:
    """Seconds and steps of plain gradient descent until ``stable rank - 1`` of layer 1 is at target."""
    rates, start = Rates(setting, gaussian_start(setting, scale, 1)), gaussian_start(setting, scale, 1)
    theta, before = flatten(start), time.perf_counter()
    for index in range(1_000_000):
        theta = theta - step * rates.objective(theta)[1]
        if index % 500 == 0:
            values = np.linalg.svd(unflatten(theta, start).weights[0], compute_uv=False)
            if float(np.sum((values / values[0]) ** 2)) - 1.0 <= target or time.perf_counter() - before > 100.0:
                return time.perf_counter() - before, index
    return time.perf_counter() - before, 1_000_000


def report() -> str:
    """Run every experiment once."""
    lines = [
        "Data and starts come from the seeds in `evidence/ranks_flows.py`. Tails and stable ranks are",
        "asserted against their bounds at every recorded moment.",
        "",
        "| experiment | ended | log loss | seconds | drift | stable ranks | singular values of W1 | claims |",
        "|---|---|---|---|---|---|---|---|",
    ]
    after: list[str] = []
    for name, setting, scale, log_loss, slack in experiments():
        record, seconds = flow(setting, scale, log_loss)
        drift = check(record, slack)
        stable = ", ".join(f"{row.stable_ranks[-1]:.4g}" for row in record.ranks.progress if row.stable_ranks[-1])
        claims = ", ".join(
            str(layer.rank) if layer.rank is not None else f"<= {layer.conditional_upper_bound or layer.upper_bound}"
            for layer in record.ranks.layers
        )
        lines.append(
            f"| {name} | {record.stop} | {record.values[-1]:.6g} | {seconds:.2f} | {drift:.1e} | {stable} | "
            f"{_shares(record, 0)} | {claims} |"
        )
        if name.startswith("linear"):
            assert record.stop is FlowStop.REACHED
            assert record.cosines is not None
            after = [
                f"Linear network: 1 - cosine with the margin direction {1.0 - record.cosines[-1]:.2e}.",
                "",
                *_against_descent(setting),
            ]
    return "\n".join([*lines, "", *after])


def _against_descent(setting: Setting) -> list[str]:
    target = 5e-3
    before = time.perf_counter()
    states, snapshots = run(setting, gaussian_start(setting, 0.3, 1), Until(-60.0))
    reached = next(
        index
        for index, snapshot in enumerate(snapshots)
        if float(np.sum(snapshot.weights[0] ** 2)) / float(np.linalg.norm(snapshot.weights[0], 2)) ** 2 - 1.0 <= target
    )
    seconds = (time.perf_counter() - before) * (states[reached].evaluations / states[-1].evaluations)
    descent, steps = gradient_descent(setting, 0.3, target, 0.05)
    return [
        f"To a stable rank of the first layer of 1 + {target:g}: log-norm flow {seconds:.3f} s, plain gradient descent",
        f"(step 0.05 on the mean loss) {descent:.1f} s in {steps} steps, stopped after at most 100 s:",
        f"{descent / seconds:.0f} times longer or more.",
    ]
