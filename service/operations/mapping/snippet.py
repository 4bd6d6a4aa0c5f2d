"""A problem as a program for PyTorch that measures an optimiser against the known minimum."""

from typing import Final

import orjson

from service.operations.mapping.network import noise_variance
from service.schemas.data import Samples
from service.schemas.problem import ProblemDocument

PROGRAM: Final = '''"""Suboptimality of an optimiser on a problem whose global minimum is known.

Usage: python program.py [OPTIMISER [lr=NUMBER [NAME=NUMBER ...]]], any of torch.optim; Adam without arguments.
"""
import json
import sys

import torch

torch.set_default_dtype(torch.float64)
torch.manual_seed(0)
X, Y = (torch.tensor(rows) for rows in json.loads("""{data}"""))
WIDTHS, DECAYS, VARIANCES = {widths}, {decays}, {variances}
MINIMUM = {minimum!r}


def loss(weights):
    """Expected squared error under the noise of the hidden layers, plus decay: a sum of squares, so nothing cancels."""
    mean, added = X, torch.zeros(X.shape[1], X.shape[1])
    for weight, variance in zip(weights, VARIANCES):
        mean, added = mean @ weight.T, weight @ added @ weight.T
        added = added + variance * torch.diag((mean**2).mean(0) + torch.diag(added))
    decay = sum(g * (weight**2).sum() for g, weight in zip(DECAYS, weights))
    return ((mean - Y) ** 2).sum() / len(X) + torch.trace(added) + decay


name = sys.argv[1] if len(sys.argv) > 1 else "Adam"
options = {{key: float(value) for key, _, value in (text.partition("=") for text in sys.argv[2:])}}
weights = [(torch.randn(rows, columns) / columns**0.5).requires_grad_() for columns, rows in zip(WIDTHS, WIDTHS[1:])]
optimiser = getattr(torch.optim, name)(weights, **{{"lr": 1e-2, **options}})


def closure():
    optimiser.zero_grad()
    value = loss(weights)
    value.backward()
    return value


for step in range(2001):
    value = optimiser.step(closure).item()
    if step % 500 == 0:
        print(f"{{name}} step {{step}}: loss {{value:.9f}}, above the minimum by {{value - MINIMUM:.3e}}")
'''


def pytorch_snippet(problem: ProblemDocument, minimum: float) -> str:
    """The program; ``problem`` is a linear network on samples in the convention ``mean``."""
    data = problem.data
    if not isinstance(data, Samples):
        raise TypeError("the program needs samples")
    layers = problem.network.layers
    return PROGRAM.format(
        data=orjson.dumps([data.x, data.y]).decode(),
        widths=[len(data.x[0]), *(layer.width for layer in layers)],
        decays=[layer.weight_decay for layer in layers],
        variances=[noise_variance(layer.noise) for layer in layers],
        minimum=minimum,
    )
