"""Races on Diabetes at depths 2, 3 and 4: theory, this engine, and the optimisers of PyTorch on the same starts."""

from importlib import import_module
from itertools import product
from typing import Any, Final

import numpy as np

from service.core.dispatch import solve
from service.core.dynamics.batched import Stack
from service.core.dynamics.initialisations import start
from service.core.dynamics.races import OUTCOMES, race, wilson_interval
from service.core.dynamics.target import Target, target_of
from service.core.dynamics.training import NEAR, TrainingOptions, schedule
from service.core.problems import Problem
from service.operations.mapping import problem as problem_mapping
from service.schemas.problem import Problem as WireProblem
from service.settings import Limits
from service.vocabulary import Initialisation, Optimiser, Outcome

# belongs to the extra `peers`, which the types are checked without
torch: Any = import_module("torch")

DEPTHS: Final = (2, 3, 4)
DECAY: Final = 0.02
RUNS: Final = 20
STEPS: Final = 3000
OPTIMISERS: Final = (Optimiser.GD, Optimiser.ADAM, Optimiser.LBFGS)


def diabetes(depth: int) -> Problem:
    """``depth`` hidden layers of width 8 on the bundled Diabetes data."""
    hidden = {"width": 8, "weight_decay": DECAY}
    wire = {
        "network": {"layers": [*([hidden] * depth), {"width": 1, "weight_decay": DECAY}]},
        "data": {"kind": "example", "name": "diabetes"},
    }
    return problem_mapping.to_core(WireProblem.model_validate(wire), Limits()).core


def torch_losses(problem: Problem, optimiser: Optimiser, first: Stack, rates: np.ndarray[Any, Any]) -> list[float]:
    """Final losses of the same starts under PyTorch: samples, autograd and its own optimisers."""
    if problem.samples is None:
        raise AssertionError("the example has samples")
    x, y = torch.tensor(problem.samples.x), torch.tensor(problem.samples.y)
    # every run is a parameter of its own slice; elementwise optimisers treat the slices alike
    if optimiser is Optimiser.LBFGS:
        return [_torch_lbfgs(x, y, [array[run] for array in first]) for run in range(len(first[0]))]
    groups = []
    for run, rate in enumerate(rates.tolist()):
        weights = [torch.nn.Parameter(torch.tensor(array[run])) for array in first]
        groups.append({"params": weights, "lr": rate, "base": rate})
    kind: Any = torch.optim.SGD if optimiser is Optimiser.GD else torch.optim.Adam
    engine = kind(groups, weight_decay=2.0 * DECAY)
    for number in range(STEPS):
        engine.zero_grad()
        stacked = [torch.stack([group["params"][index] for group in groups]) for index in range(len(first))]
        _data_terms(x, y, stacked).sum().backward()
        for group in engine.param_groups:
            group["lr"] = group["base"] * schedule(optimiser, number, STEPS)
        engine.step()
    stacked = [torch.stack([group["params"][index] for group in groups]) for index in range(len(first))]
    total = _data_terms(x, y, stacked) + DECAY * sum((weight**2).sum(dim=(1, 2)) for weight in stacked)
    found: list[float] = total.detach().tolist()
    return found


def _data_terms(x: Any, y: Any, weights: list[Any]) -> Any:
    outputs = x[None]
    for weight in weights:
        outputs = outputs @ weight.transpose(1, 2)
    return ((outputs - y[None]) ** 2).sum(dim=2).mean(dim=1)


def _torch_lbfgs(x: Any, y: Any, first: list[Any]) -> float:
    weights = [torch.nn.Parameter(torch.tensor(np.ascontiguousarray(array))) for array in first]
    for weight in weights:
        # its L-BFGS views gradients as vectors
        weight.register_hook(lambda gradient: gradient.contiguous())
    engine = torch.optim.LBFGS(
        weights, max_iter=STEPS, tolerance_grad=1e-9, tolerance_change=0.0, line_search_fn="strong_wolfe"
    )

    def loss() -> Any:
        engine.zero_grad()
        value = _data_terms(x, y, [weight[None] for weight in weights])[0]
        value = value + DECAY * sum((weight**2).sum() for weight in weights)
        value.backward()
        return value

    engine.step(loss)
    return float(loss().detach())


def rows_of(depth: int) -> list[str]:
    """One row for each scheme and optimiser; raises where theory or PyTorch disagrees."""
    problem = diabetes(depth)
    target = target_of(problem, solve(problem))
    return [_row(problem, target, depth, *pair) for pair in product(Initialisation, OPTIMISERS)]


def _row(problem: Problem, target: Target, depth: int, scheme: Initialisation, optimiser: Optimiser) -> str:
    options = TrainingOptions(STEPS, seed=7)
    found = race(problem, target, optimiser, scheme, range(RUNS), options)
    outcomes = [OUTCOMES[code] for code in found.outcome]
    successes = outcomes.count(Outcome.MINIMUM)
    if optimiser is Optimiser.GD and any(
        trapped and outcome is Outcome.MINIMUM for trapped, outcome in zip(found.trapped, outcomes, strict=True)
    ):
        raise AssertionError("gradient descent left the trapping radius with a small step")
    first = start(problem.network, problem.data.inputs, scheme, options.seed, range(RUNS))
    losses = np.array(torch_losses(problem, optimiser, first, found.learning_rate))
    peers = int(np.count_nonzero(target.relative_gap(losses) <= NEAR[0]))
    own, other = wilson_interval(successes, RUNS), wilson_interval(peers, RUNS)
    if own[0] > other[1] or other[0] > own[1]:
        raise AssertionError(f"depth {depth}, {scheme}, {optimiser}: the rates of PyTorch differ")
    trapped = int(found.trapped.sum())
    theory = "all trapped" if trapped == RUNS else f"{trapped} trapped" if trapped else "none trapped"
    ended = ", ".join(f"{outcomes.count(one)} {one}" for one in Outcome if outcomes.count(one))
    return (
        f"| {depth} | {scheme} | {theory} | {optimiser} | {successes}/{RUNS} ({own[0]:.2f} to {own[1]:.2f}) "
        f"| {peers}/{RUNS} ({other[0]:.2f} to {other[1]:.2f}) | {ended} |"
    )


def report() -> str:
    """Race, compare, tabulate."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    rows = [row for depth in DEPTHS for row in rows_of(depth)]
    return (
        f"{RUNS} starts of each scheme on Diabetes with hidden layers of width 8 and decay {DECAY} (depth counts\n"
        f"hidden layers), {STEPS} steps. A run succeeds within 1e-3 of the exact minimum; intervals are Wilson's at\n"
        "95 %. *Trapped* is proved for gradient flow: the start lies inside the trapping radius of the origin. It\n"
        "does not bind Adam or a line search, whose steps are long. PyTorch starts from the same weights, on the\n"
        "samples, with autograd and its own optimisers, and the same learning rates.\n\n"
        "| depth | starts | theory | optimiser | reached the minimum | the same with PyTorch | where runs ended |\n"
        "|---|---|---|---|---|---|---|\n" + "\n".join(rows) + "\n"
    )
