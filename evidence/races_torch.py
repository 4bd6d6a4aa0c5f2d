"""The optimisers of PyTorch on the races' problem: its own autograd and update rules, many runs as one stack."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

import numpy as np

from service.core.dynamics.training import schedule
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.losses.batched import Stack
from service.vocabulary import Initialisation, Optimiser

# belongs to the extra `peers`, which the types are checked without
torch: Any = import_module("torch")

BATCH: Final = 32
INITIALISERS: Final = {
    Initialisation.XAVIER: torch.nn.init.xavier_uniform_,
    Initialisation.KAIMING: lambda weight: torch.nn.init.kaiming_uniform_(weight, nonlinearity="linear"),
    Initialisation.ORTHOGONAL: torch.nn.init.orthogonal_,
}
"""The schemes that PyTorch has, too; they fill the weight of one `torch.nn.Linear`."""


def drawn(scheme: Initialisation, shapes: Sequence[tuple[int, int]], runs: int, seed: int) -> Stack:
    """Starts by PyTorch's own initialiser and random numbers."""
    torch.manual_seed(seed)
    starts = [[INITIALISERS[scheme](torch.empty(shape)).numpy() for shape in shapes] for _ in range(runs)]
    return [np.stack([one[layer] for one in starts]) for layer in range(len(shapes))]


def final_losses(
    problem: Problem, optimiser: Optimiser, first: Stack, rate: float, decay: float, steps: int, seed: int
) -> FloatArray:
    """Loss at the end of each run of a stack, with the objective's decay in it."""
    if problem.samples is None:
        raise AssertionError("the example has samples")
    x, y = torch.tensor(problem.samples.x), torch.tensor(problem.samples.y)
    if optimiser is not Optimiser.SGD:
        x, y = _compressed(x, y)
    if optimiser is Optimiser.LBFGS:
        runs = len(first[0])
        return np.array([_line_search(x, y, [array[run] for array in first], decay, steps) for run in range(runs)])
    # the update rules work entry by entry, so that slices of one parameter are runs of their own
    weights = [torch.nn.Parameter(torch.tensor(array)) for array in first]
    kind = {Optimiser.ADAM: torch.optim.Adam, Optimiser.ADAMW: torch.optim.AdamW}.get(optimiser, torch.optim.SGD)
    engine = kind(weights, lr=rate, weight_decay=2.0 * decay)
    generator = torch.Generator().manual_seed(seed)
    for number in range(steps):
        engine.param_groups[0]["lr"] = rate * schedule(optimiser, number, steps)
        engine.zero_grad()
        if optimiser is Optimiser.SGD:
            rows = torch.randint(len(x), (len(first[0]), BATCH), generator=generator)
            _error(x[rows], y[rows], weights).sum().backward()
        else:
            _error(x, y, weights).sum().backward()
        engine.step()
    with torch.no_grad():
        total = _error(*_compressed(x, y), weights) + decay * sum((weight**2).sum(dim=(1, 2)) for weight in weights)
    ended: FloatArray = total.numpy()
    return ended


def _compressed(x: Any, y: Any) -> tuple[Any, Any]:
    """As few rows with the same mean squared error for every linear map: the R factor of the table, rescaled."""
    table = torch.linalg.qr(torch.cat([x, y], dim=1))[1]
    table = table * (len(table) / len(x)) ** 0.5
    return table[:, : x.shape[1]], table[:, x.shape[1] :]


def _error(x: Any, y: Any, weights: Sequence[Any]) -> Any:
    """Mean squared error of every run."""
    outputs = x
    for weight in weights:
        outputs = outputs @ weight.transpose(1, 2)
    return ((outputs - y) ** 2).sum(dim=2).mean(dim=1)


def _line_search(x: Any, y: Any, first: Sequence[FloatArray], decay: float, steps: int) -> float:
    weights = [torch.nn.Parameter(torch.tensor(np.ascontiguousarray(array))) for array in first]
    for weight in weights:
        # its L-BFGS views gradients as vectors
        weight.register_hook(lambda gradient: gradient.contiguous())
    engine = torch.optim.LBFGS(
        weights,
        max_iter=steps,
        history_size=10,
        tolerance_grad=1e-9,
        tolerance_change=0.0,
        line_search_fn="strong_wolfe",
    )

    def loss() -> Any:
        engine.zero_grad()
        value = _error(x, y, [weight[None] for weight in weights])[0]
        value = value + decay * sum((weight**2).sum() for weight in weights)
        value.backward()
        return value

    engine.step(loss)
    return float(loss().detach())
