"""PyTorch training whose recorded weights approach the ranks that are predicted for them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch  # type: ignore[import-not-found,unused-ignore]  # of the extra `peers`, which the type check does without
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import nn  # type: ignore[import-not-found,unused-ignore]  # as above

from evidence.ranks_flows import separable, setting_of
from service.core.asked.rank_prediction import predict
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer
from service.core.ranks.results import RankAnswer
from service.core.ranks.setting import Setting
from service.core.ranks.snapshot import Snapshot
from service.core.ranks.training import Training
from service.vocabulary import Activation, Loss

IMAGES: Final = Path(__file__).parent.parent / "docs" / "images"
STEPS: Final = 40_000
SLACK: Final = 0.02
"""What finite steps may add to bounds that hold along gradient flow."""


@dataclass(frozen=True)
class Run:
    """One training: hidden widths, which of them are ReLU, inputs, scale of the start, learning rate."""

    name: str
    widths: tuple[int, ...]
    relus: int
    inputs: int
    scale: float
    rate: float
    seed: int


RUNS: Final = (
    Run("linear 5-6-4-1", (6, 4, 1), 0, 5, 0.3, 0.2, 0),
    Run("ReLU, then linear, 4-10-8-6-1", (10, 8, 6, 1), 1, 4, 0.25, 0.5, 1),
)


def setting(run: Run) -> Setting:
    """The same problem in the words of the service."""
    layers = tuple(
        Layer(width, Activation.RELU if index < run.relus else Activation.LINEAR)
        for index, width in enumerate(run.widths)
    )
    data = separable(run.seed, 20, run.inputs)
    return replace(setting_of(data, layers, Loss.LOGISTIC), training=Training())


def model(run: Run) -> nn.Sequential:
    """`nn.Linear` without bias, `nn.ReLU` after the first ones; normal weights of deviation scale / sqrt(inputs)."""
    torch.manual_seed(run.seed)
    parts: list[nn.Module] = []
    for index, width in enumerate(run.widths):
        before = run.inputs if index == 0 else run.widths[index - 1]
        linear = nn.Linear(before, width, bias=False, dtype=torch.float64)
        nn.init.normal_(linear.weight, std=run.scale / before**0.5)
        parts += [linear, nn.ReLU()] if index < run.relus else [linear]
    return nn.Sequential(*parts)


def trained(run: Run) -> tuple[list[int], list[Snapshot], float]:
    """Full-batch SGD on `nn.SoftMarginLoss`; weights at steps even in the logarithm, and the last loss."""
    x, y = (torch.tensor(part) for part in separable(run.seed, 20, run.inputs))
    network, criterion = model(run), nn.SoftMarginLoss()
    optimiser = torch.optim.SGD(network.parameters(), lr=run.rate)
    moments = {0, *np.unique(np.geomspace(1, STEPS, 60).astype(int)).tolist()}
    steps, snapshots, value = [], [], 0.0
    for step in range(STEPS + 1):
        if step in moments:
            steps.append(step)
            weights = tuple(weight.detach().numpy().copy() for weight in network.parameters())
            snapshots.append(Snapshot(weights, (None,) * len(weights)))
        optimiser.zero_grad()
        loss = criterion(network(x), y)
        loss.backward()
        optimiser.step()
        value = float(loss.detach())
    return steps, snapshots, value


def check(found: RankAnswer, name: str) -> float:
    """Assert every bound within the slack of finite steps; return the largest drift of what flow conserves."""
    for number, row in enumerate(found.progress, start=1):
        for value, bound in zip(row.stable_ranks, row.stable_rank_bounds, strict=True):
            assert bound is None or (value is not None and value <= bound * (1.0 + SLACK)), (name, number)
        for value, bound in zip(row.alignments, row.alignment_bounds, strict=True):
            assert bound is None or (value is not None and value >= bound - SLACK), (name, number)
    return max(max(row.drifts) for row in found.invariants if row.drifts is not None)


def draw(axes: Axes, run: Run, steps: list[int], found: RankAnswer) -> None:
    """Stable ranks less one of every matrix but the last, with the bounds that their starts allow."""
    shown = np.maximum(steps, 0.5)
    for number, row in enumerate(found.progress[:-1], start=1):
        prediction = found.layers[number - 1]
        rank = (
            "1" if prediction.rank == 1 else f"at most {prediction.conditional_upper_bound or prediction.upper_bound}"
        )
        label = f"W{number}: predicted {rank}"
        line = axes.plot(shown, _less_one(row.stable_ranks), lw=2, label=label)[0]
        bounds = _less_one(row.stable_rank_bounds)
        if np.isfinite(bounds).any():
            axes.plot(shown, bounds, lw=1, ls="--", color=line.get_color())
    axes.set(xscale="log", yscale="log", xlabel="step", ylabel="stable rank - 1", title=run.name)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="lower left")


def _less_one(values: tuple[float | None, ...]) -> FloatArray:
    return np.array([np.nan if value is None else value - 1.0 for value in values])


def report() -> str:
    """Train, measure as `POST /v1/ranks` does with snapshots, draw."""
    torch.set_num_threads(1)
    figure = Figure(figsize=(9.6, 4.2), layout="constrained")
    rows = []
    for run, axes in zip(RUNS, figure.subplots(1, len(RUNS)), strict=True):
        steps, snapshots, loss = trained(run)
        found = predict(replace(setting(run), snapshots=tuple(snapshots)))
        drift = check(found, run.name)
        draw(axes, run, steps, found)
        for number, (layer, row) in enumerate(zip(found.layers, found.progress, strict=True), start=1):
            claim = "1" if layer.rank == 1 else f"<= {layer.conditional_upper_bound or layer.upper_bound}"
            first, last, bound = row.stable_ranks[0], row.stable_ranks[-1], row.stable_rank_bounds[-1]
            assert first is not None
            assert last is not None
            if layer.rank == 1 and number < len(run.widths):
                assert last < min(1.1, first), (run.name, number)
            cells = (run.name, f"W{number}", claim, f"{first:.3f}", f"{last:.4f}", _or_dash(bound), f"{drift:.1e}")
            rows.append(f"| {' | '.join((*cells, f'{loss:.1e}'))} |")
    IMAGES.mkdir(parents=True, exist_ok=True)
    figure.savefig(IMAGES / "ranks-torch.png", dpi=110, metadata={"Software": None})
    return "\n".join(
        [
            f"PyTorch {torch.__version__} on the CPU, double precision: `nn.Linear` without bias, `nn.SoftMarginLoss`,",
            f"`torch.optim.SGD` on the full batch of 20 samples, {STEPS:,} steps. Recorded weights are measured as",
            "`POST /v1/ranks` measures snapshots. Solid: stable rank - 1; dashed: what the balance of the start allows",
            f"along gradient flow at that norm, asserted within {100 * SLACK:g} % for the finite steps taken here.",
            "",
            "| network | matrix | predicted rank | stable rank at the start | at the end | bound | drift | loss |",
            "|---|---|---|---|---|---|---|---|",
            *rows,
            "",
            "![Stable ranks in PyTorch training](../images/ranks-torch.png)",
            "",
            "No rule predicts a rank for the first matrix of the ReLU network, whatever its stable rank does here. How",
            "close the others come is decided by the logarithm of the loss: `POST /v1/gradient-flows` goes where steps",
            "of a fixed size do not.",
        ]
    )


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
