"""Two-layer ReLU networks trained by PyTorch, judged by the service: certified, or refuted with the missing unit."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import nn

from evidence.relu_picture import Closing, Fit, draw
from service.core.ground.numbers.arrays import FloatArray
from service.operations.diagnose import diagnose, parse
from service.operations.minima import parse as parse_minima
from service.operations.relu_minima import minima_of_any
from service.schemas.relu_verdict import ReluJudgement, UnitToAdd
from service.settings import Limits

LIMITS: Final = Limits(max_seconds=120.0)
EFFORT: Final = 200_000
OPTIMISERS: Final = ("SGD", "Adam", "AdamW")


@dataclass(frozen=True)
class Task:
    """A regression problem, and the network that PyTorch trains on it."""

    name: str
    x: FloatArray
    y: FloatArray
    width: int
    bias: bool
    decay: float
    steps: int
    seed: int

    def problem(self, width: int) -> dict[str, Any]:
        """The same for the service, in the convention of PyTorch."""
        layers = [
            {"width": width, "activation": "relu", "weight_decay": self.decay},
            {"width": 1, "weight_decay": self.decay},
        ]
        return {
            "network": {"layers": layers, "bias": "all" if self.bias else "none"},
            "data": {"kind": "samples", "x": self.x.tolist(), "y": self.y.tolist()},
            "objective": {"convention": "torch"},
        }


@dataclass(frozen=True)
class Run:
    """What came of one training."""

    task: str
    optimiser: str
    width: int
    loss: float
    verdict: ReluJudgement
    added: float | None
    trained: float | None


def tasks() -> list[Task]:
    """One input with three bends; a plane; five inputs with a teacher of four units and noise."""
    rng = np.random.default_rng(15)
    line = np.sort(rng.uniform(-2.0, 2.0, 40))
    bent = np.abs(line + 1.0) - 1.5 * np.abs(line) + np.abs(line - 1.2) + 0.05 * rng.standard_normal(40)
    plane = rng.standard_normal((60, 2))
    wave = np.sin(2.0 * plane[:, 0]) + 0.5 * plane[:, 1]
    cloud = rng.standard_normal((100, 5))
    teacher = np.maximum(cloud @ rng.standard_normal((5, 4)), 0.0) @ rng.standard_normal(4)
    teacher = teacher / teacher.std() + 0.1 * rng.standard_normal(100)
    return [
        Task("one input, 3 units", line[:, None], bent, 3, True, 0.01, 3_000, 0),
        Task("one input, 40 units", line[:, None], bent, 40, True, 0.01, 6_000, 1),
        Task("two inputs, 40 units", plane, wave, 40, True, 0.01, 6_000, 2),
        Task("five inputs, 50 units", cloud, teacher, 50, False, 0.02, 6_000, 3),
    ]


def trained(task: Task, optimiser: str, network: nn.Sequential | None = None, rate: float = 1.0) -> nn.Sequential:
    """The network after training in single precision, as people train; the learning rate falls to zero."""
    torch.manual_seed(task.seed)
    inputs = task.x.shape[1]
    if network is None:
        network = nn.Sequential(
            nn.Linear(inputs, task.width, bias=task.bias), nn.ReLU(), nn.Linear(task.width, 1, bias=task.bias)
        )
    x, y = torch.tensor(task.x, dtype=torch.float32), torch.tensor(task.y[:, None], dtype=torch.float32)
    chosen: torch.optim.Optimizer
    if optimiser == "SGD":
        chosen = torch.optim.SGD(network.parameters(), lr=0.05 * rate, momentum=0.9, weight_decay=task.decay)
    elif optimiser == "Adam":
        chosen = torch.optim.Adam(network.parameters(), lr=0.02 * rate, weight_decay=task.decay)
    else:
        chosen = torch.optim.AdamW(network.parameters(), lr=0.02 * rate, weight_decay=task.decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(chosen, task.steps)
    for _ in range(task.steps):
        chosen.zero_grad()
        nn.functional.mse_loss(network(x), y).backward()
        chosen.step()
        schedule.step()
    return network


def objective(task: Task, network: nn.Sequential) -> float:
    """``MSELoss`` with the decay that the optimiser's ``weight_decay`` descends, in double precision."""
    double = copy.deepcopy(network).double()
    with torch.no_grad():
        fit = float(nn.functional.mse_loss(double(torch.tensor(task.x)), torch.tensor(task.y[:, None])))
        squares = sum(float((part * part).sum()) for part in double.parameters())
    return fit + 0.5 * task.decay * squares


def judged(task: Task, network: nn.Sequential, effort: int = EFFORT) -> tuple[float, ReluJudgement]:
    """Loss and verdict of the service."""
    first, second = network[0], network[2]
    assert isinstance(first, nn.Linear)
    assert isinstance(second, nn.Linear)
    body: dict[str, Any] = {
        "problem": task.problem(first.out_features),
        "weights": [first.weight.double().tolist(), second.weight.double().tolist()],
        "effort": effort,
        "tolerance": 1e-4,
    }
    if task.bias:
        body["biases"] = [first.bias.double().tolist(), second.bias.double().tolist()]
    answer = diagnose(parse(body).request, LIMITS)
    if answer.relu_verdict is None:
        raise AssertionError("no verdict on a network of the class")
    return answer.loss, answer.relu_verdict


def grown(network: nn.Sequential, unit: UnitToAdd) -> nn.Sequential:
    """The network with one more unit."""
    first, second = network[0], network[2]
    assert isinstance(first, nn.Linear)
    assert isinstance(second, nn.Linear)
    wide = nn.Sequential(
        nn.Linear(first.in_features, first.out_features + 1, bias=first.bias is not None),
        nn.ReLU(),
        nn.Linear(first.out_features + 1, 1, bias=second.bias is not None),
    ).double()
    with torch.no_grad():
        wide[0].weight.copy_(torch.cat([first.weight.double(), torch.tensor(unit.weights[0], dtype=torch.float64)]))
        wide[2].weight.copy_(
            torch.cat([second.weight.double(), torch.tensor(unit.weights[1], dtype=torch.float64)], dim=1)
        )
        if first.bias is not None:
            new = torch.tensor([0.0 if unit.bias is None else unit.bias], dtype=torch.float64)
            wide[0].bias.copy_(torch.cat([first.bias.double(), new]))
            wide[2].bias.copy_(second.bias.double())
    return wide


def continued(task: Task, network: nn.Sequential) -> nn.Sequential:
    """The same network after some steps of L-BFGS in double precision."""
    network = copy.deepcopy(network).double()
    x, y = torch.tensor(task.x), torch.tensor(task.y[:, None])
    chosen = torch.optim.LBFGS(
        network.parameters(),
        max_iter=2_000,
        tolerance_grad=1e-12,
        tolerance_change=1e-15,
        line_search_fn="strong_wolfe",
    )

    def closure() -> torch.Tensor:
        chosen.zero_grad()
        squares = sum((part * part).sum() for part in network.parameters())
        loss = nn.functional.mse_loss(network(x), y) + 0.5 * task.decay * squares
        loss.backward()
        return loss

    chosen.step(closure)
    return network


def run(task: Task, optimiser: str) -> Run:
    """Train, judge, add the missing unit, train on; whatever contradicts the verdict raises."""
    network = trained(task, optimiser)
    loss, verdict = judged(task, network)
    lower = verdict.certificate.lower_bound
    if abs(loss - objective(task, network)) > 1e-10 * loss:
        raise AssertionError(f"{task.name}, {optimiser}: the service's loss is not PyTorch's")
    unit = verdict.missing_unit
    if unit is None:
        return Run(task.name, optimiser, task.width, loss, verdict, None, None)
    wide = grown(network, unit)
    added = objective(task, wide)
    if abs((loss - added) - unit.decrease) > 1e-6 * unit.decrease + 1e-13:
        raise AssertionError(f"{task.name}, {optimiser}: the unit gives {loss - added}, not {unit.decrease}")
    after = objective(task, continued(task, wide))
    if not lower <= after < added:
        raise AssertionError(f"{task.name}, {optimiser}: training ends at {after}, from {added}, bound {lower}")
    return Run(task.name, optimiser, task.width, loss, verdict, added, after)


def closing(task: Task) -> tuple[Run, int, float]:
    """Missing units added one after the other, trained on in between, until the service certifies the network."""
    network = trained(task, "Adam")
    for units in range(30):
        loss, verdict = judged(task, network)
        if verdict.verdict == "certified" or verdict.missing_unit is None:
            return Run(task.name, "Adam", task.width, loss, verdict, None, None), units, loss
        network = continued(task, grown(network, verdict.missing_unit))
    raise AssertionError(f"{task.name}: thirty units did not close the gap")


def picture(task: Task, cloud: Task) -> None:
    """The fit of one input before and after, its units, and the bound closing on five inputs."""
    network = trained(task, "Adam")
    fits = [_fit(network, "PyTorch, Adam, 3 units: refuted")]
    _, verdict = judged(task, network)
    assert verdict.missing_unit is not None
    fits.append(_fit(grown(network, verdict.missing_unit), "with the missing unit"))
    answer: Any = minima_of_any(parse_minima(task.problem(20)).request, LIMITS)
    weights, biases = answer.global_minimum.weights, answer.global_minimum.biases
    fits.append(
        Fit("certified minimum", np.array(weights[0])[:, 0], np.array(biases[0]), np.array(weights[1])[0], biases[1][0])
    )
    draw(task.x[:, 0], task.y, fits, Closing.of(cloud.problem(100), objective(cloud, trained(cloud, "Adam"))))


def _fit(network: nn.Sequential, name: str) -> Fit:
    parts = [part.detach().double().numpy() for part in network.parameters()]
    return Fit(name, parts[0][:, 0], parts[1], parts[2][0], float(parts[3][0]))


def report() -> str:
    """Train every task with every optimiser."""
    torch.set_num_threads(1)
    all_tasks = tasks()
    runs = [run(task, optimiser) for task in all_tasks for optimiser in OPTIMISERS]
    closed = [closing(task) for task in (all_tasks[0], all_tasks[1])]
    picture(all_tasks[0], all_tasks[3])
    return _text(runs, closed)


def _text(runs: Sequence[Run], closed: Sequence[tuple[Run, int, float]]) -> str:
    ends = "\n".join(
        f"| {one.task} | {one.width} | {added} | {loss:.9f} | {one.verdict.verdict} "
        f"| {one.verdict.certificate.relative_gap:.1e} |"
        for one, added, loss in closed
    )
    header = (
        "| network | optimiser | loss | proved bound | verdict | gap | farthest unit from rest | predicted decrease "
        "| with the missing unit | after training on |"
    )
    rows = "\n".join([header, f"|{'---|' * 10}", *map(_row, runs)])
    return f"""PyTorch {torch.__version__} on the CPU, single precision: `nn.Linear`, `nn.ReLU`, `nn.Linear`,
`nn.MSELoss()`, full batch, learning rates that fall to zero by a cosine; `SGD(lr=0.05, momentum=0.9)`,
`Adam(lr=0.02)`, `AdamW(lr=0.02)`, each with `weight_decay=w`. The weights went to `/v1/diagnose` in the convention
`torch`, with `effort` {EFFORT:,} and `tolerance` 1e-4. One input: 40 samples, decay 0.01, biases that decay, too, as
PyTorch's do; two inputs: 60 samples, 0.01, biases; five inputs: 100 samples of a teacher with four units and noise,
0.02, no biases. Seeds 0 to 3, data from seed 15.

{rows}

*Loss* is that of PyTorch, evaluated in double precision, and the service's to ten digits. The *bound* holds for
networks of every width. *Predicted decrease* is what the answer says that the missing unit gives; PyTorch's loss of
the network with the unit appended agrees to six digits of it, else the report fails, as it does where training on
(L-BFGS, double precision) does not end lower, or ends below the bound. `AdamW` decays its weights beside the gradient:
it minimises another objective, and what it ends at is not at rest for this one. Its rows say how far, not that it
failed.

Missing units appended one after the other, with L-BFGS between:

| network | width at first | units appended | loss | verdict | gap |
|---|---|---|---|---|---|
{ends}

![A refuted fit, the certified one, their units, and the bound closing](../images/relu-verdict.png)

Left: three units of PyTorch on one input, the same with the unit that is missing, and the certified minimum. Middle:
where the units bend, and how strong they are. Right: how far value and bound of the certified search on the five inputs
are from the minimum, beside the loss at which Adam ended.
"""


def _row(one: Run) -> str:
    verdict, proof = one.verdict, one.verdict.certificate
    return (
        f"| {one.task} | {one.optimiser} | {one.loss:.9f} | {proof.lower_bound:.9f} | {verdict.verdict} "
        f"| {proof.relative_gap:.1e} | {verdict.largest_deviation or 0.0:.1e} | {_decrease(one)} "
        f"| {_number(one.added)} | {_number(one.trained)} |"
    )


def _decrease(one: Run) -> str:
    unit = one.verdict.missing_unit
    return "-" if unit is None else f"{unit.decrease:.3e}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.9f}"
