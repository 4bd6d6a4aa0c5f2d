"""Rank predictions against gradient flow: the theory's inequalities, asserted at every recorded moment."""

import time

import numpy as np

from service.core.asked.flow_record import FlowRecord, record_of
from service.core.dynamics.flow import Until, gaussian_start, run
from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem, Samples, Skip
from service.core.ranks.setting import Setting
from service.vocabulary import Activation, FlowStop, Loss, SkipKind

RELU = Activation.RELU
COLUMNS = (
    *("experiment", "ended", "log loss", "seconds", "drift", "stable ranks"),
    *("1 - alignments", "singular values of W1", "claims"),
)
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
    """Assert tails, stable ranks, alignments and margins; return the largest drift."""
    for row in record.ranks.progress:
        if row.tail_bound is not None:
            assert max(row.tails) <= row.tail_bound * (1.0 + slack) + slack, "a tail exceeds its bound"
        for value, bound in zip(row.stable_ranks, row.stable_rank_bounds, strict=True):
            assert bound is None or value is None or value <= bound * (1.0 + slack), "a stable rank exceeds its bound"
        for value, bound in zip(row.alignments, row.alignment_bounds, strict=True):
            assert bound is None or value is None or value >= bound - slack, "an alignment falls below its bound"
    if record.margins is not None and record.margin_bound is not None:
        assert max(record.margins) <= record.margin_bound * (1.0 + slack), "a margin exceeds the largest one"
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


def report() -> str:
    """Run every experiment once."""
    lines = [
        "Data and starts come from the seeds in `evidence/ranks_flows.py`. At every recorded moment tails, stable",
        "ranks and alignments are asserted against their bounds, and normalised margins against the largest one.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|" + "---|" * len(COLUMNS),
    ]
    after: list[str] = []
    for name, setting, scale, log_loss, slack in experiments():
        record, seconds = flow(setting, scale, log_loss)
        drift = check(record, slack)
        stable = ", ".join(f"{row.stable_ranks[-1]:.5g}" for row in record.ranks.progress if row.stable_ranks[-1])
        aligned = ", ".join(
            f"{1.0 - row.alignments[-1]:.1e}" for row in record.ranks.progress if row.alignments[-1] is not None
        )
        claims = ", ".join(
            str(layer.rank) if layer.rank is not None else f"<= {layer.conditional_upper_bound or layer.upper_bound}"
            for layer in record.ranks.layers
        )
        lines.append(
            f"| {name} | {record.stop} | {record.values[-1]:.6g} | {seconds:.2f} | {drift:.1e} | {stable} | "
            f"{aligned} | {_shares(record, 0)} | {claims} |"
        )
        assert record.stop is FlowStop.REACHED, name
        if name.startswith("linear"):
            assert record.cosines is not None
            assert record.margins is not None
            assert record.margin_bound is not None
            after = [
                f"Linear network: 1 - cosine with the margin direction {1.0 - record.cosines[-1]:.2e},",
                f"normalised margin {record.margins[-1] / record.margin_bound:.6f} of the largest possible one.",
            ]
    return "\n".join([*lines, "", *after, "", *_decaying(), "", *_notes()])


def _decaying() -> list[str]:
    """Squared loss with and without decay: where balance goes."""
    plain = setting_of(separable(6, 20, 5), (Layer(6), Layer(4), Layer(1)), Loss.SQUARED)
    still, _ = flow(plain, 0.6, 0.0)
    layers = tuple(Layer(width, weight_decay=0.05) for width in (6, 4, 1))
    moving, _ = flow(setting_of(separable(6, 20, 5), layers, Loss.SQUARED), 0.6, 0.0)
    assert moving.balance_decay is not None
    assert still.stop is moving.stop is FlowStop.STATIONARY
    drift = check(still, 1e-6)
    assert drift < 1e-6
    assert max(moving.balance_decay) < 1e-6
    return [
        f"Squared loss without decay: rests after time {still.times[-1]:.3g}, drift of the balance {drift:.1e}.",
        f"With decay 0.05 on every layer: rests after time {moving.times[-1]:.3g}; the balance never leaves",
        f"`exp(-4 * 0.05 t)` times its start by more than {max(moving.balance_decay):.1e}.",
    ]


def _notes() -> list[str]:
    return [
        "What is not low: the first matrix of a ReLU network need not lose rank (XOR has exactly two singular values).",
        "With three classes under cross-entropy two directions stay. ReLU flows slide along kinks, so their drift is",
        "that of first-order steps. Speed beside gradient descent: `python -m benchmarks ranks`.",
    ]
