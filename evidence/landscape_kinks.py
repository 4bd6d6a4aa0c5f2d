"""Twenty ReLU networks: trained ends at rest on kinks, slices and spectra there, against autograd and two packages."""

import copy
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import loss_landscapes
import numpy as np
import torch
from loss_landscapes.metrics.metric import Metric
from scipy.optimize import nnls
from torch import nn

from evidence.landscape_peers import MODULES, Averaged, criterion, linears, top_of_curvlinops
from evidence.pictures import answered
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.operations.mapping.problem import to_core
from service.schemas.problem import ProblemDocument
from service.settings import Limits

NETWORKS: Final = 20
SIDE: Final = 11
AT_REST: Final = 1e-6
SAMPLED: Final = 1e-5
"""What autograd may find above what is reported, from gradients 1e-7 away."""
RADIUS: Final = 1e-7
CUTS: Final = 400
AGREEMENT: Final = 1e-10
EIGENVALUE: Final = 1e-6
"""Above rounding: curvlinops stops its own iteration at 1e-10, and the point is 1e-6 from kinks."""
SHAPES: Final = ((6,), (10,), (16,), (5, 4), (8, 6), (6, 5, 4))
REAL: Final = (
    ("iris", "cross_entropy", (8,)),
    ("wine", "cross_entropy", (8,)),
    ("breast_cancer", "logistic", (6,)),
    ("diabetes", "squared", (8,)),
)


@dataclass(frozen=True, slots=True)
class Network:
    """A problem on the wire, in the core, and as a module of PyTorch."""

    name: str
    wire: dict[str, Any]
    problem: Problem
    decay: float
    scale: float

    def module(self, point: FloatArray) -> Any:
        """The network at a point (P,) in double precision."""
        network, samples = self.problem.network, self.problem.samples
        assert samples is not None
        widths = [samples.x.shape[1], *(layer.width for layer in network.layers)]
        parts: list[Any] = []
        for layer, (inputs, outputs) in zip(network.layers, pairwise(widths), strict=True):
            parts += [nn.Linear(inputs, outputs), MODULES[layer.activation]()]
        module = nn.Sequential(*parts[:-1]).double()
        self.put(module, point)
        return module

    def put(self, module: Any, point: FloatArray) -> None:
        """Move a module to a point (P,)."""
        at, parts = 0, linears(module)
        with torch.no_grad():
            for part in [linear.weight for linear in parts] + [linear.bias for linear in parts]:
                part.copy_(torch.tensor(point[at : at + part.numel()]).reshape(part.shape))
                at += part.numel()

    def loss(self, module: Any) -> torch.Tensor:
        """The objective by PyTorch, decay included."""
        samples = self.problem.samples
        assert samples is not None
        total = criterion(self.problem.loss)(module(torch.tensor(samples.x)), torch.tensor(samples.y))
        return total + self.decay * sum((part**2).sum() for part in module.parameters())

    def slope(self, point: FloatArray) -> tuple[float, FloatArray]:
        """Loss and gradient (P,) by automatic differentiation."""
        module = self.module(point)
        loss = self.loss(module)
        parts = [one.weight for one in linears(module)] + [one.bias for one in linears(module)]
        slopes = torch.autograd.grad(loss, parts)
        return float(loss), torch.cat([one.reshape(-1) for one in slopes]).numpy()

    def posted(self, point: FloatArray) -> dict[str, Any]:
        """A point (P,) as a request has it."""
        parts = linears(self.module(point))
        return {
            "weights": [one.weight.detach().numpy().tolist() for one in parts],
            "biases": [one.bias.detach().numpy().tolist() for one in parts],
        }


def networks() -> list[Network]:
    """Sixteen on random data and four on bundled data."""
    found = []
    for seed in range(NETWORKS - len(REAL)):
        rng = np.random.default_rng(seed)
        loss = ("squared", "squared", "logistic", "cross_entropy")[seed % 4]
        outputs, inputs, n = (3 if loss == "cross_entropy" else 1), int(rng.integers(1, 6)), int(rng.integers(20, 80))
        x = rng.normal(size=(n, inputs))
        y = np.tanh(x @ rng.normal(size=(inputs, outputs))) + 0.5 * rng.normal(size=(n, outputs))
        y = np.eye(outputs)[np.argmax(y, axis=1)] if loss == "cross_entropy" else y
        y = np.sign(y) if loss == "logistic" else y
        data = {"kind": "samples", "x": x.tolist(), "y": y.tolist()}
        found.append(_network(SHAPES[seed % 6], outputs, (1e-2, 1e-3, 0.0)[seed % 3], loss, data, "random data"))
    for name, loss, widths in REAL:
        outputs = 3 if loss == "cross_entropy" else 1
        found.append(_network(widths, outputs, 1e-3, loss, {"kind": "example", "name": name}, name))
    return found


def _network(
    widths: tuple[int, ...], outputs: int, decay: float, loss: str, data: dict[str, Any], about: str
) -> Network:
    layers = [{"width": width, "activation": "relu", "weight_decay": decay} for width in widths]
    wire = {
        "network": {
            "layers": [*layers, {"width": outputs, "weight_decay": decay}],
            "bias": "all",
            "bias_weight_decay": decay,
        },
        "data": data,
        "objective": {"loss": loss},
    }
    mapped = to_core(ProblemDocument.model_validate(wire), Limits())
    shape = "-".join(map(str, (*widths, outputs)))
    return Network(f"{shape}, {loss}, {about}", wire, mapped.core, decay, mapped.scaling.loss)


def cutting_planes(network: Network, point: FloatArray) -> float:
    """Least norm of the hull of gradients around a point (P,), one at a time where the hull's own falls fastest.

    Knows nothing of kinks: each gradient is that of autograd a little way along minus the shortest vector so far.
    """
    rng = np.random.default_rng(0)
    gradients = [network.slope(point + RADIUS * _unit(rng.normal(size=point.size)))[1] for _ in range(3)]
    shortest = _shortest(np.array(gradients))
    for _ in range(CUTS):
        norm = float(np.linalg.norm(shortest))
        if norm <= 0.1 * SAMPLED:
            break
        gradients.append(network.slope(point - RADIUS * _unit(shortest))[1])
        if float(gradients[-1] @ shortest) >= norm * norm * (1.0 - 1e-3):
            break
        shortest = _shortest(np.array(gradients))
    return float(np.linalg.norm(shortest))


def _unit(vector: FloatArray) -> FloatArray:
    return np.asarray(vector / np.linalg.norm(vector))


def _shortest(gradients: FloatArray) -> FloatArray:
    """The shortest vector of the hull of rows, by non-negative least squares (Wolfe 1976)."""
    size = float(np.abs(gradients).max()) or 1.0
    stacked = np.vstack([gradients.T / size, np.ones(len(gradients))])
    shares = nnls(stacked, np.append(np.zeros(gradients.shape[1]), 1.0), maxiter=100 * len(gradients))[0]
    found: FloatArray = gradients.T @ (shares / shares.sum())
    return found


class Measured(Metric):  # type: ignore[misc]  # the package has no types
    """The objective of a network as loss-landscapes asks for it."""

    def __init__(self, network: Network, module: Any) -> None:
        super().__init__()
        self._network, self._module = network, copy.deepcopy(module)

    def __call__(self, wrapped: Any) -> float:
        """The loss of what the wrapper holds now."""
        with torch.no_grad():
            for own, theirs in zip(self._module.parameters(), wrapped.modules[0].parameters(), strict=True):
                own.copy_(theirs)
            return float(self._network.loss(self._module))


def ends() -> tuple[list[str], list[str], int, int]:
    """Rows of both tables, ends at rest, and all ends."""
    first = [
        "| network | weights | loss | gradient | kinks | stationarity | at rest | cutting planes |",
        "|---|---|---|---|---|---|---|---|",
    ]
    second = [
        "| network | straight line | plane | top eigenvalue | curvlinops | difference |",
        "|---|---|---|---|---|---|",
    ]
    resting = total = 0
    for seed, network in enumerate(networks()):
        asked = {"problem": network.wire, "rounds": 0, "points": SIDE, "seed": seed, "include": ["points"]}
        answer = answered("connectivity", asked)
        for end in answer["ends"]:
            point = np.array(end["point"])
            row, rests = _row(network, end, point)
            first.append(row)
            resting, total = resting + rests, total + 1
        second.append(_peers(network, answer, seed))
    return first, second, resting, total


def _row(network: Network, end: dict[str, Any], point: FloatArray) -> tuple[str, bool]:
    """One end, checked by autograd; raises if it is called at rest and is not."""
    loss = network.slope(point)[0] * network.scale
    if abs(loss - end["loss"]) > AGREEMENT * max(loss, 1e-3):
        raise AssertionError(f"{network.name}: losses {loss} and {end['loss']}")
    rests = bool(end["converged"])
    sampled = cutting_planes(network, point) * network.scale
    if rests and (end["stationarity"] > AT_REST or sampled > SAMPLED):
        raise AssertionError(f"{network.name}: called at rest with {end['stationarity']:.1e}, autograd {sampled:.1e}")
    return (
        f"| {network.name} | {point.size} | {end['loss']:.8g} | {end['gradient_norm']:.1e} | {end['kinks']} | "
        f"{end['stationarity']:.1e} | {'yes' if rests else 'no'} | {sampled:.1e} |"
    ), rests


def _peers(network: Network, answer: dict[str, Any], seed: int) -> str:
    """Losses by loss-landscapes on our line and on our plane, and the top eigenvalue by curvlinops."""
    first, last = (np.array(end["point"]) for end in answer["ends"])
    line = _line(network, answer, first, last)
    plane = _plane(network, first, seed)
    beside = first + 1e-6 * np.random.default_rng(seed).normal(size=first.size)
    spectrum = answered("spectra", {"problem": network.wire, **network.posted(beside), "method": "exact"})
    samples = network.problem.samples
    assert samples is not None
    x, y = torch.tensor(samples.x), torch.tensor(samples.y)
    # equal decay of everything adds twice itself to every eigenvalue
    theirs = top_of_curvlinops(network.module(beside), Averaged(network.problem.loss), x, y) + 2.0 * network.decay
    theirs *= network.scale
    ours = spectrum["largest"]["value"]
    difference = abs(ours - theirs) / max(abs(theirs), 1e-300)
    if difference > EIGENVALUE and abs(ours - theirs) > 1e-12:
        raise AssertionError(f"{network.name}: top eigenvalues {ours} and {theirs}")
    return f"| {network.name} | {line:.0e} | {plane:.0e} | {ours:.8g} | {theirs:.8g} | {difference:.0e} |"


def _line(network: Network, answer: dict[str, Any], first: FloatArray, last: FloatArray) -> float:
    """Largest relative difference along the straight line; theirs begins one step after the start."""
    start, end = network.module(first), network.module(last)
    theirs = loss_landscapes.linear_interpolation(start, end, Measured(network, start), SIDE - 1, deepcopy_model=True)
    return _difference(network, np.array(answer["straight"]["loss"])[1:], theirs)


def _plane(network: Network, centre: FloatArray, seed: int) -> float:
    """The same on the plane of a slice, from the directions that it returned."""
    asked = {"problem": network.wire, **network.posted(centre), "points": SIDE, "seed": seed, "include": ["points"]}
    answer = answered("slices", asked)
    alpha, beta = (np.array(one["vector"]) for one in answer["directions"])
    corner = centre - alpha - beta
    modules = [network.module(place) for place in (corner, corner + 2.0 * alpha, corner + 2.0 * beta)]
    steps = SIDE - 1
    theirs = loss_landscapes.planar_interpolation(*modules, Measured(network, modules[0]), steps, deepcopy_model=True)
    grid = np.array(answer["loss"]).reshape(answer["shape"])
    # its even rows begin one step after the corner, its odd rows at it
    ours = np.array([grid[row, 1:] if row % 2 == 0 else grid[row, :-1] for row in range(steps)])
    return _difference(network, ours, theirs)


def _difference(network: Network, ours: FloatArray, theirs: Any) -> float:
    values = np.array(theirs) * network.scale
    difference = float(np.max(np.abs(ours - values)) / np.max(np.abs(values)))
    if difference > AGREEMENT:
        raise AssertionError(f"{network.name}: losses of loss-landscapes differ by {difference:.1e}")
    return difference


def report() -> str:
    """Both tables; raises if an end is called at rest and autograd finds a way down, or if a peer disagrees."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    first, second, resting, total = ends()
    if 10 * resting < 8 * total:
        raise AssertionError(f"only {resting} of {total} ends are at rest")
    about_ends = (
        f"{resting} of {total} ends are at rest, which is refused above {AT_REST:.0e}; the others are reported as not "
        "at rest. `gradient` is that of the left sides of kinks, which is what the norm of a gradient says at such a "
        f"point. Cutting planes: the shortest vector of the hull of gradients of autograd {RADIUS:.0e} away, which "
        f"knows nothing of kinks; for an end at rest refused above {SAMPLED:.0e}."
    )
    about_peers = (
        "Largest differences from loss-landscapes 3.0.6, relative to the largest loss, on the straight line between "
        "the ends and on the plane of a slice along the directions that the answer returned, and the largest "
        "eigenvalue 1e-6 beside the first end."
    )
    return "\n".join(
        [
            f"{NETWORKS} networks, two trained ends each, 500 iterations; PyTorch in double precision, one thread.",
            "",
            "## Ends",
            about_ends,
            "",
            *first,
            "",
            "## Slices and spectra",
            about_peers,
            "",
            *second,
        ]
    )
