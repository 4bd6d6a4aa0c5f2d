"""PyTorch's side of the comparisons for several outputs: L-BFGS on moments, and the Hessian by autograd."""

import time
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Moments, Network, shapes_of

HISTORY: Final = 10
STEPS_A_CALL: Final = 20
MOST_CALLS: Final = 200


@dataclass(frozen=True, slots=True)
class Descent:
    """One run of L-BFGS: seconds, loss reached, evaluations."""

    seconds: float
    loss: float
    evaluations: int


def _prepare() -> None:
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)


def _loss(weights: list[Any], moments: Moments, network: Network) -> Any:
    """Expected squared error from the moments, plus decay; no samples are touched."""
    xx, xy = torch.from_numpy(moments.xx), torch.from_numpy(moments.xy)
    product = weights[0]
    for weight in weights[1:]:
        product = weight @ product
    error = ((product @ xx) * product).sum() - 2.0 * (product * xy.T).sum() + moments.yy
    return error + sum(
        layer.weight_decay * (weight**2).sum() for layer, weight in zip(network.layers, weights, strict=True)
    )


def lbfgs(moments: Moments, network: Network, goal: float, seed: int) -> Descent:
    """L-BFGS with strong Wolfe steps from the initialisation of `nn.Linear`, until the loss is at most ``goal``.

    Notes
    -----
    The loss is looked at after every 20 steps, and that look is not counted.
    """
    _prepare()
    torch.manual_seed(seed)
    weights = [
        torch.empty(rows, columns).uniform_(-(columns**-0.5), columns**-0.5).requires_grad_()
        for rows, columns in shapes_of(network, moments.inputs)
    ]
    optimiser = torch.optim.LBFGS(
        weights,
        max_iter=STEPS_A_CALL,
        history_size=HISTORY,
        line_search_fn="strong_wolfe",
        tolerance_grad=0.0,
        tolerance_change=0.0,
    )
    evaluations = 0

    def closure() -> Any:
        nonlocal evaluations
        evaluations += 1
        optimiser.zero_grad()
        value = _loss(weights, moments, network)
        value.backward()
        return value

    seconds, reached = 0.0, float("inf")
    for _ in range(MOST_CALLS):
        start = time.perf_counter()
        optimiser.step(closure)
        seconds += time.perf_counter() - start
        with torch.no_grad():
            reached = float(_loss(weights, moments, network))
        if reached <= goal:
            break
    return Descent(seconds, reached, evaluations)


def autograd_spectrum(moments: Moments, network: Network, weights: list[FloatArray]) -> FloatArray:
    """Eigenvalues of the whole Hessian: `torch.autograd.functional.hessian`, vectorised, then `eigvalsh`."""
    _prepare()
    shapes = [weight.shape for weight in weights]
    ends = np.cumsum([weight.size for weight in weights])[:-1].tolist()

    def of_flat(flat: Any) -> Any:
        parts = torch.tensor_split(flat, ends)
        return _loss([part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)], moments, network)

    flat = torch.from_numpy(np.concatenate([weight.ravel() for weight in weights]))
    hessian = torch.autograd.functional.hessian(of_flat, flat, vectorize=True)
    return np.asarray(torch.linalg.eigvalsh(hessian).numpy(), dtype=np.float64)
