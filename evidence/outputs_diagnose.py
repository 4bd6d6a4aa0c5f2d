"""PyTorch runs that stop where the loss no longer falls, and what the diagnosis says and does there."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import torch
from torch import nn

from service.operations.diagnose import diagnose, parse
from service.schemas.diagnose import DiagnoseAnswer
from service.settings import Limits

SAMPLES: Final = 60
INPUTS: Final = 5
VALUES: Final = (3.0, 1.5, 0.6)
PATIENCE: Final = 50
LEAST_FALL: Final = 1e-3
"""A run counts as stopped when its loss falls by less than this share over so many steps."""
MOST_STEPS: Final = 60_000


@dataclass(frozen=True)
class Setup:
    """A network as PyTorch describes it; all weights start small."""

    title: str
    hidden: tuple[int, ...]
    weight_decay: float
    start: float
    rate: float


SETUPS: Final = (
    Setup("two layers", (6,), 0.0, 1e-4, 0.02),
    Setup("two layers with decay", (6,), 0.02, 1e-4, 0.02),
    Setup("three layers", (6, 6), 0.0, 0.02, 0.02),
    Setup("three layers with decay", (6, 6), 0.002, 0.03, 0.02),
)


@dataclass(frozen=True)
class Stop:
    """One plateau: what was said there, what the step did, and how long the run needs without and with it."""

    step: int
    answer: DiagnoseAnswer
    after_step: float
    steps_without: int | None
    steps_with: int


def data() -> tuple[torch.Tensor, torch.Tensor]:
    """White inputs and a target with three singular values."""
    rng = np.random.default_rng(0)
    x = np.sqrt(SAMPLES) * np.linalg.qr(rng.standard_normal((SAMPLES, INPUTS)))[0]
    left = np.linalg.qr(rng.standard_normal((len(VALUES), len(VALUES))))[0]
    right = np.linalg.qr(rng.standard_normal((INPUTS, len(VALUES))))[0]
    y = x @ right * np.array(VALUES) @ left.T + 0.3 * rng.standard_normal((SAMPLES, len(VALUES)))
    return torch.tensor(x), torch.tensor(y)


class Run:
    """Full-batch SGD with the optimiser's own weight decay."""

    def __init__(self, setup: Setup) -> None:
        torch.manual_seed(1)
        self.setup, (self.x, self.y) = setup, data()
        sizes = (INPUTS, *setup.hidden, len(VALUES))
        layers = [nn.Linear(a, b, bias=False, dtype=torch.float64) for a, b in pairwise(sizes)]
        self.model = nn.Sequential(*layers)
        with torch.no_grad():
            for weight in self.model.parameters():
                weight.normal_(0.0, setup.start)
        self.optimiser = torch.optim.SGD(self.model.parameters(), setup.rate, weight_decay=setup.weight_decay)

    def loss(self) -> float:
        """``MSELoss`` plus the penalty that the weight decay descends."""
        with torch.no_grad():
            penalty = sum(float((weight**2).sum()) for weight in self.model.parameters())
            return float(nn.MSELoss()(self.model(self.x), self.y)) + 0.5 * self.setup.weight_decay * penalty

    def train(self, steps: int) -> None:
        """So many steps."""
        for _ in range(steps):
            self.optimiser.zero_grad()
            nn.MSELoss()(self.model(self.x), self.y).backward()
            self.optimiser.step()

    def weights(self) -> list[Any]:
        """As they are posted."""
        return [weight.detach().numpy().tolist() for weight in self.model.parameters()]

    def put(self, weights: list[Any]) -> None:
        """Back to recorded weights."""
        with torch.no_grad():
            for weight, values in zip(self.model.parameters(), weights, strict=True):
                weight.copy_(torch.tensor(values))

    def steps_below(self, goal: float) -> int | None:
        """Steps until the loss is below ``goal``, by tens; ``None`` if that takes too long."""
        for count in range(0, MOST_STEPS, 10):
            if self.loss() < goal:
                return count
            self.train(10)
        return None


def asked(run: Run) -> DiagnoseAnswer:
    """What a user would post: samples, network and weights in the convention `torch`."""
    widths = (*run.setup.hidden, len(VALUES))
    body = {
        "network": {"layers": [{"width": width, "weight_decay": run.setup.weight_decay} for width in widths]},
        "data": {"kind": "samples", "x": run.x.tolist(), "y": run.y.tolist()},
        "objective": {"convention": "torch"},
        "weights": run.weights(),
    }
    return diagnose(parse(body).request, Limits())


def stops(setup: Setup) -> Iterator[Stop]:
    """Every plateau of a run, left by the step of the diagnosis each time."""
    run, steps = Run(setup), 0
    before = run.loss()
    while True:
        run.train(PATIENCE)
        steps += PATIENCE
        before, fall = run.loss(), before - run.loss()
        if fall > LEAST_FALL * before:
            continue
        answer, here = asked(run), run.weights()
        if answer.escape is None or (answer.plateau is not None and answer.plateau.class_ == "global_minimum"):
            return
        goal = answer.loss - 0.9 * answer.escape.decrease
        without = run.steps_below(goal)
        directions = answer.escape.weights or []
        run.put([np.array(w) + answer.escape.step * np.array(d) for w, d in zip(here, directions, strict=True)])
        after = run.loss()
        if abs(after - answer.escape.loss) > 1e-9 * answer.loss:
            raise AssertionError(f"{setup.title}: the step reaches {after}, not {answer.escape.loss}")
        within = run.steps_below(goal)
        if within is None:
            raise AssertionError(f"{setup.title}: the run does not go on below the plateau")
        yield Stop(steps, answer, after, without, within)
        before = run.loss()


def row(stop: Stop) -> str:
    """One row of a table."""
    answer = stop.answer
    if answer.escape is None or answer.directions is None:
        raise AssertionError(f"step {stop.step}: no way out, {answer.reasons}")
    plateau, kind = "none near", "-"
    if answer.plateau is not None:
        subset = str((answer.plateau.label or {}).get("subset", [])).strip("[]")
        name = f"directions {subset}" if subset else "zero"
        plateau, kind = f"{answer.plateau.loss:.6f}, {name}", answer.plateau.class_
    learned = ", ".join(str(item.index) for item in answer.directions.learned) or "none"
    missing = ", ".join(str(item.index) for item in answer.directions.missing) or "none"
    without = "not in 60,000" if stop.steps_without is None else str(stop.steps_without)
    return (
        f"| {stop.step} | {answer.loss:.6f} | {plateau} | {kind} | {learned} "
        f"| {missing} | {answer.least_hessian_eigenvalue:.3f} | {answer.escape.kind} | {answer.escape.decrease:.6f} "
        f"| {answer.loss - stop.after_step:.6f} | {without} | {stop.steps_with} |"
    )


def report() -> str:
    """All runs."""
    torch.set_num_threads(1)
    lines = [
        (
            f"PyTorch {torch.__version__}, double precision, full-batch `SGD` with the optimiser's `weight_decay` on "
            f"`MSELoss()`; {SAMPLES} samples, {INPUTS} white inputs, {len(VALUES)} outputs, singular values "
            f"{', '.join(map(str, VALUES))}. A run counts as stopped when {PATIENCE} steps lower its loss by less than "
            f"{LEAST_FALL:.1%}; its weights then go to `diagnose` in the convention `torch`."
        ),
        "",
        (
            "*Plateau*: the listed stationary point that is named, its loss and the singular directions that it has "
            "learned. *Learned, missing*: directions against the global minimum, from the strongest, counted from 0. "
            "*Says, does*: the decrease that the escape step promises, and what PyTorch measures after taking it. "
            "*Without, with*: further steps of SGD until nine tenths of that decrease are reached, from the plateau "
            "and after the step, which is 0 where the step alone does it. A run ends when it slows down beside the "
            "global minimum."
        ),
    ]
    for setup in SETUPS:
        found = list(stops(setup))
        if not found:
            raise AssertionError(f"{setup.title}: no plateau")
        lines += [
            "",
            f"## {setup.title.capitalize()}",
            "",
            (
                "| step | loss | plateau | class | learned | missing | least eigenvalue | escape | says | does "
                "| without | with |"
            ),
            "|---|---|---|---|---|---|---|---|---|---|---|---|",
            *map(row, found),
        ]
    return "\n".join(lines)
