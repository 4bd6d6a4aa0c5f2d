"""Compression: ranks of many large layers from spectra, one layer beside PyTorch, and errors beside other ways."""

from functools import partial
from typing import Any, Final

import numpy as np
import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from benchmarks.comparison import Comparison, best_core_time
from service.core.compression.inputs import of_samples
from service.core.compression.layer import best_factors
from service.core.ground.numbers.arrays import FloatArray
from service.jobs.codec import decode
from service.jobs.inline import run_inline
from service.operations.asking import ask
from service.settings import Limits

LAYERS: Final = 224
SIDE: Final = 4096
TARGET_S: Final = 2.0
ONE_LAYER: Final = 512
SAMPLES: Final = 2048
SIDES: Final = (256, 256, 256, 512, 512, 256, 64)
"""Outputs of each layer of the network whose errors are compared, behind its inputs."""
HALF: Final = 0.5


def compare() -> list[Comparison]:
    """Times against the target and PyTorch, errors against plain and weighted truncation at uniform ranks."""
    torch.set_num_threads(1)
    with threadpool_limits(limits=1):
        return [*_spectra(), _one_layer(), *_errors()]


def _spectra() -> list[Comparison]:
    """From the body with all singular values to the answer, for a budget and for an error."""
    rng = np.random.default_rng(0)
    layers = [
        {
            "name": f"layer {index}",
            "shape": [SIDE, SIDE],
            "singular_values": np.sort(np.exp(-6.0 * rng.random(SIDE) ** rng.uniform(0.3, 2.0)))[::-1].tolist(),
        }
        for index in range(LAYERS)
    ]
    wishes: dict[str, dict[str, Any]] = {
        "half of the numbers": {"budget": HALF},
        "5 % of the error": {"error": 0.05, "relative": True},
    }
    return [
        Comparison(
            work=f"ranks of {LAYERS} layers of {SIDE} x {SIDE} from singular values, {name}",
            measured=best_core_time(partial(_answered, {"layers": layers, **wish}), 3),
            reference="2 s",
            measured_reference=TARGET_S,
            unit="s",
            bound=1.0,
            at_least=False,
        )
        for name, wish in wishes.items()
    ]


def _one_layer() -> Comparison:
    """Factors of one layer from samples, which are not squared, beside whitening by Cholesky in PyTorch."""
    rng = np.random.default_rng(1)
    weights, x = rng.normal(size=(ONE_LAYER, ONE_LAYER)), _inputs(rng, SAMPLES, ONE_LAYER)
    rank = ONE_LAYER // 4
    return Comparison(
        work=f"factors of one layer of {ONE_LAYER} x {ONE_LAYER} from {SAMPLES} samples, rank {rank}",
        measured=best_core_time(lambda: best_factors(weights, of_samples(x), rank), 5),
        reference="PyTorch: Cholesky of the moments, SVD, solve",
        measured_reference=best_core_time(lambda: _by_torch(weights, x, rank), 5),
        unit="s",
        bound=2.5,
        at_least=False,
    )


def _by_torch(weights: FloatArray, x: FloatArray, rank: int) -> tuple[FloatArray, FloatArray]:
    """Activation-weighted truncation as it is usually written."""
    matrix, read = torch.from_numpy(weights), torch.from_numpy(x)
    moments = read.T @ read / len(read)
    root = torch.linalg.cholesky(moments + 1e-10 * torch.eye(len(moments), dtype=moments.dtype))
    left, values, right = torch.linalg.svd(matrix @ root, full_matrices=False)
    kept = right[:rank] * values[:rank, None]
    back = torch.linalg.solve_triangular(root, kept, upper=False, left=False)
    return left[:, :rank].numpy(), back.numpy()


def _errors() -> list[Comparison]:
    """Total squared error of seven layers at half of the numbers, each layer as a share of its outputs."""
    layers = _network()
    total = sum(weights.size for weights, _ in layers)
    body = {
        "layers": [
            {"name": str(index), "weights": weights, "activations": {"kind": "samples", "x": x}}
            for index, (weights, x) in enumerate(layers)
        ],
        "budget": HALF,
        "weighting": "relative",
    }
    found: Any = decode(run_inline(*_planned(body)))
    if found["total"]["numbers_after"] > HALF * total:
        raise RuntimeError("more numbers than the budget")
    ours = float(found["total"]["error"])
    others = {
        "plain truncated SVD, uniform ranks": sum(_truncated(weights, x, plain=True) for weights, x in layers),
        "activation-weighted SVD by PyTorch, uniform ranks": sum(
            _truncated(weights, x, plain=False) for weights, x in layers
        ),
    }
    return [
        Comparison(
            work=f"{len(layers)} layers at half of the numbers: total error",
            measured=ours,
            reference=name,
            measured_reference=error,
            unit="share",
            bound=1.0,
            at_least=False,
        )
        for name, error in others.items()
    ]


def _network() -> list[tuple[FloatArray, FloatArray]]:
    """Layers with spectra that fall at different speeds, and correlated inputs."""
    rng = np.random.default_rng(2)
    found = []
    inputs = 128
    for outputs in SIDES:
        fall = np.exp(-rng.uniform(0.5, 4.0) * np.linspace(0.0, 1.0, inputs))
        found.append((rng.normal(size=(outputs, inputs)) * fall, _inputs(rng, 600, inputs)))
        inputs = outputs
    return found


def _inputs(rng: np.random.Generator, rows: int, columns: int) -> FloatArray:
    turned = np.linalg.qr(rng.normal(size=(columns, columns)))[0]
    found: FloatArray = (rng.normal(size=(rows, columns)) * np.geomspace(1.0, 0.05, columns)) @ turned
    return found


def _truncated(weights: FloatArray, x: FloatArray, *, plain: bool) -> float:
    """Error, as a share, at the rank that leaves half of the numbers."""
    rank = max(int(HALF * weights.size / sum(weights.shape)), 1)
    if plain:
        left, values, right = np.linalg.svd(weights, full_matrices=False)
        product = (left[:, :rank] * values[:rank]) @ right[:rank]
    else:
        outer, inner = _by_torch(weights, x, rank)
        product = outer @ inner
    return float(np.sum((x @ (weights - product).T) ** 2) / np.sum((x @ weights.T) ** 2))


def _planned(body: dict[str, Any]) -> tuple[Any, Any]:
    limits = Limits()
    question = ask("compression", body, limits)
    assert question.loaded.work is not None
    return question.plan(limits), question.loaded.work.guarded()


def _answered(body: dict[str, Any]) -> object:
    return run_inline(*_planned(body))
