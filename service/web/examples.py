"""Requests that the OpenAPI document shows, and the kept answers to the first of each.

Answers are kept as files because their last digits depend on the machine; ``minima openapi`` renews those that
differ by more than rounding, and ``minima openapi --check`` refuses them.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import orjson

from service.operations.minima import minima, parse
from service.operations.minima_batch import minima_sweep
from service.schemas.batch import SweepRequest
from service.schemas.connectivity import CONNECTIVITY_EXAMPLE
from service.schemas.diagnose import DIAGNOSE_EXAMPLE
from service.schemas.flows import FLOW_EXAMPLE
from service.schemas.generated import CHOSEN_GAP_EXAMPLE, GENERATED_EXAMPLE
from service.schemas.problem import DESIGN_EXAMPLE
from service.schemas.slices import SLICE_EXAMPLE
from service.schemas.spectra import SPECTRUM_EXAMPLE
from service.settings import Limits

MINIMA: Final[Mapping[str, Any]] = {
    "a network under moments": DESIGN_EXAMPLE,
    "a bundled data set, with weights": {
        "problem": {
            "network": {
                "layers": [
                    {"width": 32, "weight_decay": 0.01, "noise": {"kind": "dropout", "rate": 0.5}},
                    {"width": 1, "weight_decay": 0.01},
                ]
            },
            "data": {"kind": "example", "name": "diabetes"},
            "objective": {"convention": "half_mean"},
        },
        "return": {"weights": "factors"},
    },
    "free features: neural collapse, the smallest class is not learned": {
        "network": {
            "model": "unconstrained_features",
            "class_counts": [500, 300, 4],
            "feature_weight_decay": 1e-5,
            "layers": [{"width": 6, "weight_decay": 1e-3}, {"width": 3, "weight_decay": 1e-3}],
        },
        "data": {"kind": "none", "inputs": 8},
    },
    "a frozen first layer, a decayed skip and weights of the outputs": {
        "problem": {
            "network": {
                "layers": [
                    {"width": 2, "frozen_weights": [[1.0, 0.5], [0.0, 1.0]]},
                    {"width": 2},
                    {"width": 2},
                ],
                "skips": [{"from": 1, "to": 2, "kind": "trainable", "weight_decay": 0.1}],
                "bias": "output",
            },
            "data": {
                "kind": "samples",
                "x": [[1.0, 0.5], [-0.5, 1.0], [0.25, -1.5], [-1.0, 0.0], [0.5, 0.75]],
                "y": [[1.0, -0.5], [0.0, 1.0], [0.5, -1.0], [-1.5, 0.25], [1.0, 0.5]],
            },
            "objective": {"loss": "weighted_squared", "weights": [4.0, 1.0]},
        },
        "return": {"weights": "full"},
    },
    "a linear variational autoencoder: which latents collapse": {
        "network": {
            "model": "linear_vae",
            "latent": 2,
            "beta": 1.5,
            "decoder_variance": 0.4,
            "layers": [{"width": 3}],
        },
        "data": {
            "kind": "moments",
            "xx": [[2.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 0.25]],
            "xy": [[2.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 0.25]],
            "yy": 3.25,
        },
    },
}
LANDSCAPE: Final[Mapping[str, Any]] = {
    "ReLU with biases on a few samples": {
        "network": {"layers": [{"width": 6, "activation": "relu"}, {"width": 1}], "bias": "all"},
        "data": {
            "kind": "samples",
            "x": [[-2.0, 0.0], [-1.5, 1.5], [-1.0, -0.5], [0.5, 0.5], [1.0, 2.0], [1.5, 0.0]],
            "y": [1.0, 0.0, 2.0, 1.5, 0.0, -2.0],
        },
    },
    "a linear network, without data": {
        "network": {"layers": [{"width": 4}, {"width": 4}, {"width": 2}]},
        "data": {"kind": "none", "inputs": 3},
    },
}
DIAGNOSE: Final[Mapping[str, Any]] = {"a saddle: the stronger direction is missing": DIAGNOSE_EXAMPLE}
GENERATED: Final[Mapping[str, Any]] = {
    "three layers with decay": GENERATED_EXAMPLE,
    "a minimum of rank two, the next critical value 0.25 above": CHOSEN_GAP_EXAMPLE,
}
BATCH: Final[Mapping[str, Any]] = {
    "one problem, many decays": {
        "problem": DESIGN_EXAMPLE,
        "vary": {"decay_scale": [0.5, 1.0, 1.7, 1.71, 2.0]},
        "return": ["loss", "norm", "trivial"],
    },
    "independent problems": {"problems": [DESIGN_EXAMPLE, {"problem": DESIGN_EXAMPLE, "return": {"weights": "full"}}]},
    "independent problems, columns": {
        "problems": [DESIGN_EXAMPLE, DESIGN_EXAMPLE],
        "return": ["status", "loss", "relative_gap"],
    },
}
RANKS: Final[Mapping[str, Any]] = {
    "separable classes": {
        **FLOW_EXAMPLE["problem"],
        "network": {"layers": [{"width": 4}, {"width": 3}, {"width": 1}]},
        "training": {"dynamics": "gradient_flow", "initial_loss": "below_chance"},
    },
}
SWEEPS: Final[Mapping[str, Any]] = {
    "one axis: the scale of all decays": {"problem": DESIGN_EXAMPLE},
    "two axes": {
        "problem": DESIGN_EXAMPLE,
        "axes": [
            {"parameter": "decay_scale", "from": 0.01, "to": 10, "points": 50},
            {"parameter": "noise_variance", "from": 0, "to": 5, "points": 20},
        ],
        "return": ["loss", "trivial", "minima"],
    },
}
RACES: Final[Mapping[str, Any]] = {
    "two optimisers, all schemes": {
        "problem": DESIGN_EXAMPLE,
        "optimisers": ["adam", "lbfgs"],
        "runs": 3,
        "steps": 200,
        "seed": 1,
    },
}
SLICES: Final[Mapping[str, Any]] = {
    "a plane through a trained network": SLICE_EXAMPLE,
    "from the global minimum of a linear network to its origin": {
        "problem": DESIGN_EXAMPLE,
        "kind": "interpolation",
        "points": 61,
    },
}
SPECTRA: Final[Mapping[str, Any]] = {
    "a small network: all eigenvalues": SPECTRUM_EXAMPLE,
    "by products with the Hessian": {**SPECTRUM_EXAMPLE, "method": "lanczos", "probes": 4, "lanczos_steps": 10},
}
CONNECTIVITY: Final[Mapping[str, Any]] = {
    "two trained networks": CONNECTIVITY_EXAMPLE,
    "widths, with the marks of theorems": {**CONNECTIVITY_EXAMPLE, "rounds": 0, "widths": [1, 2, 4, 8, 16], "runs": 5},
}
FLOWS: Final[Mapping[str, Any]] = {
    "a linear network on separable classes": FLOW_EXAMPLE,
    "the problem alone: squared loss with decay": {"problem": DESIGN_EXAMPLE},
}
SHOWN_DIGITS: Final = 8
ROUNDING: Final = 1e-8


def _minima() -> Any:
    asked = next(iter(MINIMA.values()))
    return minima(parse(asked).request, Limits()).model_dump(mode="json", exclude_unset=True)


def _sweep() -> Any:
    table = minima_sweep(SweepRequest.model_validate(next(iter(BATCH.values()))), Limits())
    columns = {name: column.tolist() for name, column in table.columns.items()}
    return {**table.header.model_dump(mode="json", exclude_unset=True), "results": columns}


ANSWERS: Final[Mapping[str, Callable[[], Any]]] = {"minima": _minima, "sweep": _sweep}


def kept(name: str) -> Any:
    """The kept answer of this name."""
    return orjson.loads(_path(name).read_bytes())


def stale() -> list[str]:
    """Names of the kept answers that are not what the service answers now."""
    return [name for name, fresh in ANSWERS.items() if not same(kept(name), fresh())]


def renew() -> None:
    """Write anew what is stale."""
    for name in stale():
        content = orjson.dumps(_rounded(ANSWERS[name]()), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        _path(name).write_bytes(content)


def same(one: Any, other: Any) -> bool:
    """Whether two answers agree up to rounding."""
    first, second = dict(_leaves(one)), dict(_leaves(other))
    return first.keys() == second.keys() and all(_close(value, second[path]) for path, value in first.items())


def _close(one: Any, other: Any) -> bool:
    if isinstance(one, float) or isinstance(other, float):
        return math.isclose(one, other, rel_tol=10 * ROUNDING, abs_tol=ROUNDING)
    return bool(one == other)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(value, (dict, list)):
        yield path, value
        return
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _leaves(item, f"{path}/{key}")


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.{SHOWN_DIGITS}g}") if isinstance(value, float) else value


def _path(name: str) -> Path:
    return Path(str(files("service.web").joinpath("answers", f"{name}.json")))
