"""A problem as a program for PyTorch that measures an optimiser against the known minimum."""

from dataclasses import dataclass
from typing import Final

import orjson

from service.operations.mapping.network import noise_variance
from service.schemas.data import Samples
from service.schemas.problem import ProblemDocument
from service.version import ENGINE_VERSION
from service.vocabulary import Activation

PROGRAM: Final = '''"""Suboptimality of an optimiser on a problem whose global minimum is known.

    python program.py [OPTIMISER [NAME=NUMBER ...]] [--steps 2000] [--seed 0] [--json]

OPTIMISER is any of torch.optim, Adam if left out; NAME=NUMBER are its options, lr=0.01 if left out.

Problem   {id}
Made by   Analytic Minima {version}, {url}
Minimum   {minimum!r}, {known}; the exact one differs by {error:.1e} at most

@misc{{analytic-minima-{short},
  title = {{Test problem {short} with a known global minimum}},
  note = {{Analytic Minima {version}, {url}}}
}}
"""
import argparse
import json
import math
import sys

PARSER = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
PARSER.add_argument("optimiser", nargs="?", default="Adam", metavar="OPTIMISER")
PARSER.add_argument("options", nargs="*", metavar="NAME=NUMBER", default=[])
PARSER.add_argument("--steps", type=int, default=2000)
PARSER.add_argument("--seed", type=int, default=0)
PARSER.add_argument("--json", action="store_true", help="one object a line instead of sentences")
asked = PARSER.parse_intermixed_args()
try:
    options = {{key: float(value) for key, _, value in (text.partition("=") for text in asked.options)}}
except ValueError:
    PARSER.error("options of the optimiser are numbers: lr=0.01")
try:
    import torch
except ImportError:
    sys.exit("this program needs PyTorch: pip install torch")
if not hasattr(torch.optim, asked.optimiser):
    PARSER.error(f"torch.optim has no optimiser {{asked.optimiser}}")

torch.set_default_dtype(torch.float64)
torch.manual_seed(asked.seed)
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


weights = [(torch.randn(rows, columns) / columns**0.5).requires_grad_() for columns, rows in zip(WIDTHS, WIDTHS[1:])]
try:
    optimiser = getattr(torch.optim, asked.optimiser)(weights, **{{"lr": 1e-2, **options}})
except (TypeError, ValueError) as error:
    PARSER.error(f"{{asked.optimiser}} does not take these options: {{error}}")


def closure():
    optimiser.zero_grad()
    value = loss(weights)
    value.backward()
    return value


def report(step, value):
    whole = math.isfinite(value)
    if asked.json:
        told = {{"step": step, "loss": value, "above": value - MINIMUM}} if whole else {{"diverged_at": step}}
        print(json.dumps({{"optimiser": asked.optimiser, "seed": asked.seed, **told}}), flush=True)
    elif whole:
        above = f"above the minimum by {{value - MINIMUM:.3e}}"
        print(f"{{asked.optimiser}} step {{step}}: loss {{value:.9f}}, {{above}}", flush=True)
    else:
        print(f"{{asked.optimiser}} diverged at step {{step}}: try a smaller lr", flush=True)


for step in range(asked.steps + 1):
    value = optimiser.step(closure).item()
    if not math.isfinite(value):
        report(step, value)
        sys.exit(1)
    if step % max(1, asked.steps // 4) == 0 or step == asked.steps:
        report(step, value)
'''


LINEAR: Final = PROGRAM[PROGRAM.index("def loss(") : PROGRAM.index("weights = [")]
RECTIFIED: Final = '''def loss(weights):
    """Mean squared error of a network of rectifiers, plus decay."""
    hidden = torch.relu(X @ weights[0].T)
    decay = sum(g * (weight**2).sum() for g, weight in zip(DECAYS, weights))
    return ((hidden @ weights[1].T - Y) ** 2).sum() / len(X) + decay


'''


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a problem comes from, and how well its minimum is known.

    Attributes
    ----------
    id, url : str
    minimum : float
    known : str
        In words.
    error : float
        Bound on the difference from the exact minimum.
    """

    id: str
    url: str
    minimum: float
    known: str
    error: float


def pytorch_snippet(problem: ProblemDocument, origin: Provenance) -> str:
    """The program; ``problem`` is a linear or two-layer ReLU network on samples in the convention ``mean``."""
    data = problem.data
    if not isinstance(data, Samples):
        raise TypeError("the program needs samples")
    layers = problem.network.layers
    rectified = layers[0].activation is Activation.RELU
    program = PROGRAM.replace(LINEAR, RECTIFIED) if rectified else PROGRAM
    return program.format(
        data=orjson.dumps([data.x, data.y]).decode(),
        widths=[len(data.x[0]), *(layer.width for layer in layers)],
        decays=[layer.weight_decay for layer in layers],
        variances=[noise_variance(layer.noise) for layer in layers],
        minimum=origin.minimum,
        id=origin.id,
        short=origin.id.removeprefix("sha256:")[:8],
        url=origin.url,
        known=origin.known,
        error=origin.error,
        version=ENGINE_VERSION,
    )
