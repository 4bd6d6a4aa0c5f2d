"""Real data with several outputs: minima, ranks and thresholds, and PyTorch runs that meet them."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import matplotlib as mpl
import numpy as np
import torch
from matplotlib import pyplot as plt
from matplotlib.ticker import NullFormatter
from torch import nn

from service.core.ground.numbers.arrays import FloatArray
from service.operations.mapping.examples import load
from service.operations.minima import minima, parse
from service.schemas.minima import MinimaAnswer
from service.settings import Limits

IMAGE: Final = Path(__file__).parent.parent / "docs" / "images" / "outputs-real.png"
SEEDS: Final = (0, 1, 2)
MEETS: Final = 1e-6
"""Relative distance from the prediction at which a run counts as having met it."""
RANK_TOLERANCE: Final = 1e-3


@dataclass(frozen=True)
class Setup:
    """A bundled data set and a network on it; decays are those of a PyTorch optimiser."""

    name: str
    hidden: tuple[int, ...]
    decays: tuple[float, ...]


SETUPS: Final = (
    Setup("linnerud", (4,), (0.01, 0.1, 0.3, 0.7)),
    Setup("linnerud", (1,), (0.01, 0.2, 0.7)),
    Setup("wine", (8,), (0.005, 0.05, 0.2, 0.5)),
    Setup("wine", (8, 8), (0.002, 0.02, 0.05)),
    Setup("digits", (16,), (0.001, 0.01, 0.03, 0.1)),
)


def samples(name: str) -> tuple[FloatArray, FloatArray]:
    """Inputs and targets as the service serves them: centred and scaled, labels one-hot."""
    data = load(name, raw=False)
    if data.y.shape[1] == 1:
        return data.x, (data.y == np.unique(data.y)).astype(float)
    return data.x, data.y


def body(setup: Setup, decay: float) -> dict[str, object]:
    """What a user would post, in the convention `torch`."""
    x, y = samples(setup.name)
    layers = [{"width": width, "weight_decay": decay} for width in (*setup.hidden, y.shape[1])]
    data = {"kind": "samples", "x": x.tolist(), "y": y.tolist()}
    return {"network": {"layers": layers}, "data": data, "objective": {"convention": "torch"}}


def predicted(setup: Setup, decay: float) -> MinimaAnswer:
    """The minimum with its certificate."""
    return minima(parse(body(setup, decay)).request, Limits())


def trained(setup: Setup, decay: float, seed: int, goal: float) -> tuple[float, FloatArray]:
    """Loss and singular values of the map after L-BFGS from the initialisation of `nn.Linear`.

    The loss is ``MSELoss`` on all samples plus the penalty that an optimiser's ``weight_decay`` descends.
    """
    torch.manual_seed(seed)
    x, y = (torch.tensor(array) for array in samples(setup.name))
    sizes = (x.shape[1], *setup.hidden, y.shape[1])
    model = nn.Sequential(*(nn.Linear(a, b, bias=False, dtype=torch.float64) for a, b in pairwise(sizes)))
    optimiser = torch.optim.LBFGS(
        model.parameters(), max_iter=20, history_size=20, line_search_fn="strong_wolfe", tolerance_change=0.0
    )

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        penalty = sum((weight**2).sum() for weight in model.parameters())
        value = nn.MSELoss()(model(x), y) + 0.5 * decay * penalty
        value.backward()
        return value

    reached = float("inf")
    for _ in range(100):
        optimiser.step(closure)
        before, reached = reached, closure().item()
        if reached <= goal * (1.0 + 1e-9) or before - reached <= 1e-13 * reached:
            break
    with torch.no_grad():
        product = torch.linalg.multi_dot(list(model.parameters())[::-1])
        return reached, np.asarray(torch.linalg.svdvals(product).numpy(), dtype=np.float64)


@dataclass(frozen=True)
class Row:
    """One decay: the prediction and the runs."""

    setup: Setup
    decay: float
    answer: MinimaAnswer
    losses: list[float]
    values: list[FloatArray]

    @property
    def best(self) -> int:
        """The run with the least loss."""
        return int(np.argmin(self.losses))

    @property
    def excess(self) -> float:
        """Of the best run above the prediction, relative."""
        loss = self.answer.global_minimum.loss
        return (self.losses[self.best] - loss) / loss

    @property
    def met(self) -> int:
        """Runs that end at the predicted loss."""
        loss = self.answer.global_minimum.loss
        return sum(value <= loss * (1.0 + MEETS) for value in self.losses)

    @property
    def rank(self) -> int:
        """Of the best run's map."""
        values = self.values[self.best]
        return int(np.count_nonzero(values > RANK_TOLERANCE * max(float(values[0]), 1e-12))) if values[0] > 1e-6 else 0

    def text(self) -> str:
        """One row of the table."""
        minimum, thresholds = self.answer.global_minimum, self.answer.thresholds
        widths = " x ".join(map(str, self.setup.hidden))
        scale = thresholds.critical_decay_scale
        critical = "not known" if scale is None else f"{scale * self.decay:.4f}"
        return (
            f"| {self.setup.name} | {widths} | {self.decay:g} | {self.answer.status} | {minimum.loss:.9f} "
            f"| {self.answer.certificate.relative_gap:.1e} | {minimum.rank} | {critical} | {self.excess:.1e} "
            f"| {self.rank} | {self.met}/{len(self.losses)} |"
        )


def measured(setup: Setup, decay: float) -> Row:
    """Predict, train, compare.

    Raises
    ------
    AssertionError
        If a run goes below the certified bound, or, where the answer is certified, the best one misses loss or rank.
    """
    answer = predicted(setup, decay)
    loss = answer.global_minimum.loss
    runs = [trained(setup, decay, seed, loss) for seed in SEEDS]
    row = Row(setup, decay, answer, [run[0] for run in runs], [run[1] for run in runs])
    below = min(row.losses) - answer.certificate.lower_bound
    assert below >= -1e-12 * loss, (setup, decay, "below the bound", below)
    if answer.status != "bounded":
        assert row.excess <= MEETS, (setup, decay, "misses the loss", row.excess)
        assert row.rank == answer.global_minimum.rank, (setup, decay, "misses the rank", row.values)
    return row


def picture(rows: list[Row]) -> None:
    """Predicted loss and singular values against decay, with what the runs reached."""
    names = list(dict.fromkeys((row.setup.name, row.setup.hidden) for row in rows))
    with mpl.rc_context({"font.size": 8, "svg.hashsalt": "outputs"}):
        figure, axes = plt.subplots(2, len(names), figsize=(2.6 * len(names), 5.0), squeeze=False)
        for column, (name, hidden) in enumerate(names):
            setup = next(row.setup for row in rows if (row.setup.name, row.setup.hidden) == (name, hidden))
            ours = [row for row in rows if row.setup is setup]
            decays = np.geomspace(min(setup.decays), max(setup.decays), 25)
            curve = [predicted(setup, float(decay)).global_minimum for decay in decays]
            above, below = axes[:, column]
            above.semilogx(decays, [minimum.loss for minimum in curve], color="tab:blue", label="predicted")
            points = [row.losses[row.best] for row in ours]
            above.semilogx([row.decay for row in ours], points, "o", color="tab:orange", label="PyTorch")
            below.semilogx(decays, [minimum.singular_values for minimum in curve], color="tab:blue")
            for row in ours:
                values = row.values[row.best]
                below.semilogx([row.decay] * values.size, values, "o", color="tab:orange", markersize=3)
            above.set_title(f"{name}, hidden {' x '.join(map(str, hidden))}")
            below.set_xlabel("weight decay")
            for axis in (above, below):
                axis.xaxis.set_minor_formatter(NullFormatter())
        axes[0, 0].set_ylabel("loss")
        axes[1, 0].set_ylabel("singular values of the map")
        axes[0, 0].legend(frameon=False)
        figure.tight_layout()
        figure.savefig(IMAGE, dpi=110)
        plt.close(figure)


def report() -> str:
    """Table and picture."""
    torch.set_num_threads(1)
    rows = [measured(setup, decay) for setup in SETUPS for decay in setup.decays]
    picture(rows)
    return "\n".join(
        [
            (
                f"PyTorch {torch.__version__}, double precision: `nn.Linear` without bias, `MSELoss()` on all samples "
                "plus the penalty that the optimiser's `weight_decay` descends (the convention `torch`), L-BFGS from "
                f"{len(SEEDS)} initialisations. Inputs are centred and scaled; the labels of Wine and Digits are "
                "one-hot. The request is what a user would post."
            ),
            "",
            "![Loss and singular values against decay](../images/outputs-real.png)",
            "",
            (
                "*Vanishes at*: decay at which the global minimum collapses to zero. *Above*: the best run's loss "
                f"above the prediction, relative. *Rank reached*: singular values above {RANK_TOLERANCE:g} of the "
                f"largest. *Meet*: runs that end within {MEETS:g} of the predicted loss. No run goes below a "
                "certified bound."
            ),
            "",
            (
                "| data | hidden | decay | status | predicted loss | gap | rank | vanishes at | above | rank reached "
                "| meet |"
            ),
            "|---|---|---|---|---|---|---|---|---|---|---|",
            *(row.text() for row in rows),
        ]
    )
