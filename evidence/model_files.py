"""One network, saved by PyTorch, scikit-learn, as Keras gives its weights, and as ONNX: the same diagnosis of each."""

import io
import os
import warnings
from collections.abc import Mapping
from importlib.metadata import version
from importlib.util import find_spec
from itertools import pairwise
from typing import Any, Final

import numpy as np
import safetensors.torch
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from service.operations.diagnose import diagnose, parse
from service.operations.model_files.sent import SentModel, with_sent_model
from service.schemas.diagnose import DiagnoseAnswer
from service.settings import Limits

WIDTHS: Final = (5, 8, 6, 3)
SAMPLES: Final = 200
SEED: Final = 5
AGREEMENT: Final = 1e-12
MAX_BYTES: Final = 10_000_000


def trained() -> tuple[MLPRegressor, Mapping[str, Any]]:
    """A linear network trained by scikit-learn for a while, and the data."""
    rng = np.random.default_rng(SEED)
    x = rng.standard_normal((SAMPLES, WIDTHS[0]))
    y = x @ rng.standard_normal((WIDTHS[0], WIDTHS[-1])) + 0.1 * rng.standard_normal((SAMPLES, WIDTHS[-1]))
    model = MLPRegressor(
        hidden_layer_sizes=WIDTHS[1:-1],
        activation="identity",
        max_iter=60,
        tol=0.0,
        n_iter_no_change=60,
        random_state=0,
    )
    with warnings.catch_warnings():
        # that it stops early is meant
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(x, y)
    return model, {"kind": "samples", "x": x.tolist(), "y": y.tolist()}


def in_torch(model: MLPRegressor) -> torch.nn.Sequential:
    """The same weights in PyTorch."""
    layers = [torch.nn.Linear(a, b, dtype=torch.float64) for a, b in pairwise(WIDTHS)]
    with torch.no_grad():
        for layer, coefs, intercepts in zip(layers, model.coefs_, model.intercepts_, strict=True):
            layer.weight.copy_(torch.from_numpy(np.ascontiguousarray(coefs.T)))
            layer.bias.copy_(torch.from_numpy(intercepts))
    return torch.nn.Sequential(*layers)


def savez(*arrays: Any, **named: Any) -> bytes:
    """What ``numpy.savez`` writes."""
    stream = io.BytesIO()
    np.savez(stream, *arrays, **named)
    return stream.getvalue()


def of_keras(pairs: list[Any]) -> list[Any]:
    """The list of weights that Keras gives of the same network; without Keras, arrays of the shapes of its layers."""
    if find_spec("keras") is None:
        return [part for pair in pairs for part in pair]
    # read when it is imported; the other libraries are there anyway
    os.environ["KERAS_BACKEND"] = "torch"
    import keras  # type: ignore[import-not-found]  # noqa: PLC0415 - it takes seconds, and no extra has it

    layers = [keras.layers.Dense(width, dtype="float64") for width in WIDTHS[1:]]
    network = keras.Sequential([keras.Input((WIDTHS[0],)), *layers])
    for layer, pair in zip(layers, pairs, strict=True):
        layer.set_weights(pair)
    given: list[Any] = network.get_weights()
    return given


def exported(network: torch.nn.Sequential) -> bytes:
    """What ``torch.onnx.export`` writes, by the exporter that needs nothing else."""
    stream = io.BytesIO()
    torch.onnx.export(network, torch.zeros(1, WIDTHS[0], dtype=torch.float64), stream, dynamo=False)
    return stream.getvalue()


def files() -> tuple[dict[str, bytes], Mapping[str, Any], list[Any]]:
    """A file of each kind, the data, and weights and biases as arrays."""
    model, data = trained()
    network = in_torch(model)
    state = network.state_dict()
    pairs = list(zip(model.coefs_, model.intercepts_, strict=True))
    found = {
        "PyTorch, `safetensors.torch.save`": safetensors.torch.save(state),
        "PyTorch, state dict as npz": savez(**{name: tensor.numpy() for name, tensor in state.items()}),
        "scikit-learn, the lines of the refusal": savez(*(part for pair in pairs for part in pair)),
        "Keras, `get_weights()`": savez(*of_keras(pairs)),
        "ONNX, `torch.onnx.export`": exported(network),
    }
    return found, data, pairs


def difference(one: Any, other: Any) -> float:
    """Largest difference of two documents, relative to what is larger; infinite where they differ in words."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return max((difference(one[key], other[key]) for key in one), default=0.0)
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return max((difference(*pair) for pair in zip(one, other, strict=True)), default=0.0)
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) / max(abs(one), abs(other), 1e-300) if one != other else 0.0
    return 0.0 if one == other else float("inf")


def answered(request: object) -> DiagnoseAnswer:
    """The diagnosis of a request, without what says where the weights came from."""
    parsed = parse(request)
    return diagnose(parsed.request, Limits(), parsed.problem_at).model_copy(update={"model": None})


def _keras() -> str:
    if find_spec("keras") is None:
        return "Keras itself is not installed: its list of weights has the shapes of its layers"
    return f"Keras {version('keras')} with PyTorch below it"


def report() -> str:
    """Diagnose the network out of each file.

    Raises
    ------
    RuntimeError
        If two answers differ by more than `AGREEMENT`.
    """
    found, data, pairs = files()
    layers = [{"width": width, "weight_decay": 1e-4} for width in WIDTHS[1:]]
    by_hand = answered(
        {
            "network": {"layers": layers, "bias": "all"},
            "data": data,
            "weights": [coefs.T.tolist() for coefs, _ in pairs],
            "biases": [intercepts.tolist() for _, intercepts in pairs],
        }
    )
    rows = []
    for name, content in found.items():
        network = {"layers": [{"weight_decay": 1e-4}] * len(layers)}
        request = with_sent_model(
            "diagnose", {"network": network, "data": data, "model": SentModel(content, {})}, MAX_BYTES
        )
        answer = answered(request)
        apart = difference(answer.document(), by_hand.document())
        if not apart <= AGREEMENT:
            raise RuntimeError(f"{name}: differs by {apart:.1e}")
        rows.append(f"| {name} | {len(content):,} | {answer.loss:.12g} | {answer.class_} | {apart:.1e} |")
    head = "| file | bytes | loss | class | largest difference |\n|---|---|---|---|---|\n"
    told = (
        f"A linear network of widths {', '.join(map(str, WIDTHS))} with biases, trained by scikit-learn on {SAMPLES} "
        f"samples (seed {SEED}) for 60 epochs, saved in five ways, and diagnosed. The largest relative difference of "
        f"any number of the answer from that for the arrays themselves may be {AGREEMENT:g}; words must be the same. "
        f"PyTorch {torch.__version__}; {_keras()}."
    )
    return f"{told}\n\n{head}" + "\n".join(rows)
