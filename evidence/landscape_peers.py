"""Gradients, Hessian products and top eigenvalues of nonlinear networks against autograd, PyHessian and curvlinops."""

import contextlib
import io
import itertools
import time
import warnings
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from scipy.sparse.linalg import eigsh
from torch import nn

from service.core.curvature.lanczos import lanczos
from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem, Samples
from service.core.losses.dense import DenseParameters, unflatten
from service.core.pictures.descent import descend, random_start
from service.core.pictures.objective import objective_of, shape_of
from service.vocabulary import Activation, Bias, Loss

TOLERANCE = 1e-10
CURVLINOPS_TOLERANCE = 1e-8
PYHESSIAN_TOLERANCE = 1e-5
"""It divides vectors by their length plus 1e-6, so that its values are 2e-6 too small."""
SLOPE = 0.1
LOSSES = (Loss.SQUARED, Loss.LOGISTIC, Loss.EXPONENTIAL, Loss.CROSS_ENTROPY)


class Square(nn.Module):  # type: ignore[misc]  # PyTorch is checked as if it had no types
    """The activation that PyTorch has no module for."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Squares."""
        return values * values


MODULES: dict[Activation, Any] = {
    Activation.LINEAR: nn.Identity,
    Activation.RELU: nn.ReLU,
    Activation.LEAKY_RELU: lambda: nn.LeakyReLU(SLOPE),
    Activation.TANH: nn.Tanh,
    Activation.SIGMOID: nn.Sigmoid,
    # beyond its default threshold of 20 PyTorch drops what is below 2e-9
    Activation.SOFTPLUS: lambda: nn.Softplus(threshold=100.0),
    Activation.QUADRATIC: Square,
}


@dataclass(frozen=True)
class Case:
    """A network on data, the same on both sides."""

    name: str
    activation: Activation
    loss: Loss
    inputs: int
    widths: tuple[int, ...]
    outputs: int
    samples: int
    decay: float
    seed: int


EIGENVALUE_CASES = (
    Case("tanh, squared", Activation.TANH, Loss.SQUARED, 10, (20,), 1, 100, 0.0, 1),
    Case("sigmoid, cross-entropy", Activation.SIGMOID, Loss.CROSS_ENTROPY, 8, (24, 12), 3, 120, 0.0, 2),
    Case("softplus, logistic", Activation.SOFTPLUS, Loss.LOGISTIC, 12, (30, 10), 1, 150, 0.0, 3),
    Case("ReLU, squared", Activation.RELU, Loss.SQUARED, 10, (40, 20), 2, 200, 0.0, 4),
    Case("tanh, 10^4 weights", Activation.TANH, Loss.SQUARED, 50, (100, 50), 1, 1000, 0.0, 5),
)


def problem_of(case: Case) -> Problem:
    """The case as the core knows it."""
    rng = np.random.default_rng(case.seed)
    x = rng.normal(size=(case.samples, case.inputs))
    y = np.tanh(x @ rng.normal(size=(case.inputs, case.outputs))) + 0.3 * rng.normal(size=(case.samples, case.outputs))
    if case.loss is Loss.CROSS_ENTROPY:
        y = np.eye(case.outputs)[np.argmax(y, axis=1)]
    elif case.loss is not Loss.SQUARED:
        y = np.sign(y)
    slope = SLOPE if case.activation is Activation.LEAKY_RELU else None
    layers = [Layer(width, case.activation, slope, case.decay) for width in case.widths]
    network = Network(
        (*layers, Layer(case.outputs, weight_decay=case.decay)),
        bias=Bias.ALL,
        bias_weight_decays=(0.5 * case.decay,) * (len(layers) + 1),
    )
    return Problem(network, moments_of(x, y), Samples(x, y), case.loss)


def module_of(case: Case, parameters: DenseParameters) -> Any:
    """The same network as a module of PyTorch at the same weights."""
    widths = [case.inputs, *case.widths, case.outputs]
    parts: list[Any] = []
    for inputs, outputs in itertools.pairwise(widths):
        parts += [nn.Linear(inputs, outputs), MODULES[case.activation]()]
    module = nn.Sequential(*parts[:-1]).double()
    with torch.no_grad():
        for linear, weight, bias in zip(linears(module), parameters.weights, parameters.biases, strict=True):
            linear.weight.copy_(torch.tensor(weight))
            linear.bias.copy_(torch.tensor(bias))
    return module


def linears(module: Any) -> list[Any]:
    """The layers that have weights."""
    return [part for part in module if isinstance(part, nn.Linear)]


def criterion(loss: Loss) -> Any:
    """The mean loss over samples, squared errors added over outputs."""

    def squared(outputs: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return ((outputs - y) ** 2).sum() / len(y)

    def logistic(outputs: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return -nn.functional.logsigmoid(y * outputs).mean()

    def exponential(outputs: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.exp(-y * outputs).mean()

    def cross_entropy(outputs: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(outputs, y)

    return {
        Loss.SQUARED: squared,
        Loss.LOGISTIC: logistic,
        Loss.EXPONENTIAL: exponential,
        Loss.CROSS_ENTROPY: cross_entropy,
    }[loss]


def loss_of(case: Case, module: Any, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The objective, decay included."""
    total = criterion(case.loss)(module(x), y)
    for linear in linears(module):
        total = total + case.decay * (linear.weight**2).sum() + 0.5 * case.decay * (linear.bias**2).sum()
    return total


def ordered(module: Any) -> list[Any]:
    """Parameters in the order of `service.core.losses.dense.flatten`."""
    return [linear.weight for linear in linears(module)] + [linear.bias for linear in linears(module)]


def autograd(case: Case, problem: Problem, point: FloatArray, vector: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Gradient and Hessian product by automatic differentiation, twice."""
    assert problem.samples is not None
    module = module_of(case, unflatten(point, shape_of(problem)))
    x, y = torch.tensor(problem.samples.x), torch.tensor(problem.samples.y)
    parameters = ordered(module)
    slopes = torch.autograd.grad(loss_of(case, module, x, y), parameters, create_graph=True)
    gradient = torch.cat([slope.reshape(-1) for slope in slopes])
    product = torch.autograd.grad((gradient * torch.tensor(vector)).sum(), parameters)
    return gradient.detach().numpy(), torch.cat([part.reshape(-1) for part in product]).numpy()


def derivatives() -> list[str]:
    """Largest relative differences for every activation and loss."""
    rows = ["| activation | loss | gradient | Hessian product |", "|---|---|---|---|"]
    for activation, loss in itertools.product(Activation, LOSSES):
        worst = [0.0, 0.0]
        for seed in range(5):
            outputs = 3 if loss is Loss.CROSS_ENTROPY else 1
            case = Case("", activation, loss, 6, (7, 5), outputs, 40, 0.1, seed)
            problem = problem_of(case)
            point = random_start(problem, seed, 0)
            vector = np.random.default_rng(seed).normal(size=point.size)
            gradient, product = autograd(case, problem, point, vector)
            objective = objective_of(problem)
            ours = objective.slope(point)[1], objective.products(point)(vector)
            for index, (mine, theirs) in enumerate(zip(ours, (gradient, product), strict=True)):
                worst[index] = max(worst[index], float(np.abs(mine - theirs).max() / np.abs(theirs).max()))
        if max(worst) > TOLERANCE:
            raise AssertionError(f"{activation}, {loss}: derivatives differ by {max(worst):.1e}")
        rows.append(f"| {activation} | {loss} | {worst[0]:.1e} | {worst[1]:.1e} |")
    return rows


def top_of_pyhessian(module: Any, loss: Any, x: torch.Tensor, y: torch.Tensor) -> float:
    """The eigenvalue of largest modulus by its power iteration."""
    import pyhessian  # noqa: PLC0415 - it prints and warns when it is imported

    with warnings.catch_warnings():
        # a graph that is kept beyond the gradient, which the package makes on purpose
        warnings.simplefilter("ignore", UserWarning)
        found = pyhessian.hessian(module, loss, data=(x, y), cuda=False)
        values, _ = found.eigenvalues(maxIter=1000, tol=1e-10)
    module.zero_grad()
    return float(values[0])


def top_of_curvlinops(module: Any, loss: Any, x: torch.Tensor, y: torch.Tensor) -> float:
    """The largest eigenvalue by ARPACK on its operator."""
    import curvlinops  # noqa: PLC0415 - beside the other peer

    operator = curvlinops.HessianLinearOperator(module, loss, list(module.parameters()), [(x, y)])
    return float(eigsh(operator.to_scipy(), k=1, which="LA", return_eigenvectors=False, tol=1e-10)[0])


class Averaged(nn.Module):  # type: ignore[misc]  # as above
    """A loss as the module that curvlinops asks for, with the name of its reduction."""

    reduction = "mean"

    def __init__(self, loss: Loss) -> None:
        super().__init__()
        self._loss = criterion(loss)

    def forward(self, outputs: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Mean loss."""
        found: torch.Tensor = self._loss(outputs, y)
        return found


def eigenvalues() -> list[str]:
    """Top eigenvalues after some training, by four programs."""
    rows = [
        "| network | weights | Lanczos | residual | s | curvlinops | difference | s | PyHessian | difference | s |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for case in EIGENVALUE_CASES:
        problem = problem_of(case)
        assert problem.samples is not None
        point = descend(problem, random_start(problem, case.seed, 0), 15).point
        begin = time.perf_counter()
        start = np.random.default_rng(0).normal(size=point.size)
        found = lanczos(objective_of(problem).products(point), start, 80)
        seconds = [time.perf_counter() - begin]
        x, y = torch.tensor(problem.samples.x), torch.tensor(problem.samples.y)
        module = module_of(case, unflatten(point, shape_of(problem)))
        theirs = []
        for top in (top_of_curvlinops, top_of_pyhessian):
            begin = time.perf_counter()
            with contextlib.redirect_stdout(io.StringIO()):
                theirs.append(top(module, Averaged(case.loss), x, y))
            seconds.append(time.perf_counter() - begin)
        ours, residual = float(found.values[-1]), float(found.residuals[-1])
        differences = [abs(ours - value) / abs(ours) for value in theirs]
        for difference, tolerance in zip(differences, (CURVLINOPS_TOLERANCE, PYHESSIAN_TOLERANCE), strict=True):
            if difference > tolerance:
                raise AssertionError(f"{case.name}: top eigenvalues differ by {difference:.1e}")
        peers = " | ".join(
            f"{value:.10g} | {difference:.0e} | {second:.2f}"
            for value, difference, second in zip(theirs, differences, seconds[1:], strict=True)
        )
        rows.append(f"| {case.name} | {point.size} | {ours:.10g} | {residual:.0e} | {seconds[0]:.2f} | {peers} |")
    return rows


def report() -> str:
    """Both tables; raises if a derivative or an eigenvalue differs."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    names = ("torch", "PyHessian", "curvlinops-for-pytorch")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    first, second = derivatives(), eigenvalues()
    first_text = (
        "Largest difference over five networks 6-7-5-k with decay, relative to the largest entry; refused above "
        f"{TOLERANCE:.0e}."
    )
    second_text = (
        "At weights after 15 iterations of L-BFGS; differences are relative. Ours: 80 steps of Lanczos. curvlinops: "
        f"ARPACK on its operator to 1e-10, refused above {CURVLINOPS_TOLERANCE:.0e}. PyHessian: power iteration until "
        "two values differ by 1e-10 (relative), at most 1,000 steps; it divides vectors by their length plus "
        f"1e-6, so that its values are 2e-6 too small; refused above {PYHESSIAN_TOLERANCE:.0e}."
    )
    return "\n".join(
        [
            f"{versions}, double precision, one thread. Seeds are 0 to 5; every network has all biases.",
            "",
            "## Gradients and Hessian products against autograd",
            first_text,
            "",
            *first,
            "",
            "## Top eigenvalues",
            second_text,
            "",
            *second,
        ]
    )
