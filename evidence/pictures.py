"""The pictures of the documentation: drawn by the service's own operations, with what they were asked and show."""

import json
from math import cos, exp, sin
from pathlib import Path
from typing import Any, Final

from service.operations.answered import as_model
from service.operations.asking import ask
from service.operations.drawing.rendering import render
from service.operations.plans.columns import plain
from service.operations.plans.running import run_here
from service.schemas.problem import DESIGN_EXAMPLE
from service.settings import Limits

FOLDER: Final = Path(__file__).parent.parent / "docs" / "images"
CANCER: Final[dict[str, Any]] = {
    "network": {
        "layers": [{"width": 16, "activation": "relu", "weight_decay": 1e-3}, {"width": 1, "weight_decay": 1e-3}],
        "bias": "all",
    },
    "data": {"kind": "example", "name": "breast_cancer"},
    "objective": {"loss": "logistic"},
}
WINE: Final[dict[str, Any]] = {
    "network": {
        "layers": [
            {"width": 40, "activation": "tanh", "weight_decay": 1e-3},
            {"width": 40, "activation": "tanh", "weight_decay": 1e-3},
            {"width": 3, "weight_decay": 1e-3},
        ],
        "bias": "all",
    },
    "data": {"kind": "example", "name": "wine"},
    "objective": {"loss": "cross_entropy"},
}
WIGGLES: Final[dict[str, Any]] = {
    "kind": "samples",
    "x": [[round(-2.0 + 0.2 * index, 1)] for index in range(20)],
    "y": [round(sin(2.0 * (-2.0 + 0.2 * index)) + 0.3 * cos(7.0 * index), 3) for index in range(20)],
}
WIDE: Final[dict[str, Any]] = {
    "network": {"layers": [{"width": 48, "activation": "tanh"}, {"width": 1}], "bias": "all"},
    "data": WIGGLES,
}
SELECTED: Final[dict[str, Any]] = {
    "problem": {
        "network": {
            "layers": [
                {"width": 8, "weight_decay": 1.0},
                {"width": 8, "weight_decay": 1.0},
                {"width": 1, "weight_decay": 1.0},
            ],
            "bias": "output",
        },
        "data": {"kind": "example", "name": "breast_cancer"},
    },
    "vary": "weight_decay",
    "grid": {"from": 1e-3, "to": 1.0, "points": 200},
}
COMPRESSED: Final[dict[str, Any]] = {
    "layers": [
        {
            "name": name,
            "shape": [outputs, 24],
            "singular_values": [round(exp(-fall * index), 4) for index in range(min(outputs, 24))],
        }
        for name, outputs, fall in (("query", 24, 0.4), ("value", 24, 0.05), ("up", 96, 0.2), ("output", 10, 0.1))
    ],
    "weighting": "relative",
    "budget": 0.5,
}
ASKED: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("landscape-curve", "landscape", dict(DESIGN_EXAMPLE)),
    ("landscape-summary", "landscape", {**DESIGN_EXAMPLE, "include": ["slice", "interpolation", "hessian"]}),
    ("selection", "selection", SELECTED),
    ("compression", "compression", COMPRESSED),
    ("slice-interpolation", "slices", {"problem": DESIGN_EXAMPLE, "kind": "interpolation", "points": 101}),
    ("slice-plane", "slices", {"problem": CANCER, "seed": 1}),
    (
        "slice-trajectory",
        "slices",
        {"problem": CANCER, "seed": 1, "at": "trained", "trajectory": "training", "axes_from": "trajectory"},
    ),
    ("slice-sharpness", "slices", {"problem": CANCER, "kind": "sharpness", "seed": 1}),
    ("spectrum-exact", "spectra", {"problem": CANCER, "seed": 1}),
    ("spectrum-lanczos", "spectra", {"problem": WINE, "seed": 1}),
    ("connectivity", "connectivity", {"problem": WIDE, "training_steps": 40, "seed": 3}),
    (
        "widths",
        "connectivity",
        {"problem": WIDE, "rounds": 0, "widths": [1, 2, 4, 6, 8, 12, 16, 20, 24, 32, 48], "runs": 20, "seed": 3},
    ),
    (
        "phase-slice",
        "sweeps",
        {
            "problem": DESIGN_EXAMPLE,
            "axes": [
                {"parameter": "decay_scale", "from": 0.05, "to": 5, "points": 120},
                {"parameter": "noise_variance", "from": 0, "to": 12, "points": 120},
            ],
        },
    ),
)
"""Name of the picture, operation, and what is asked."""


def report() -> str:
    """Draw every picture and tell what was asked and the figures that it shows."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    lines = ["Each picture is the answer to one request, drawn by the service. Seeds stand in the requests.\n"]
    for name, operation, asked in ASKED:
        answer = answered(operation, asked)
        (FOLDER / f"{name}.png").write_bytes(render(operation, answer, "png"))
        lines.append(f"## {name}\n\n`POST /v1/{operation}`\n\n```json\n{json.dumps(asked)}\n```\n")
        lines.append("\n".join(f"- {line}" for line in _figures(operation, answer)) + "\n")
    return "\n".join(lines)


def answered(operation: str, asked: dict[str, Any]) -> Any:
    """The answer of an operation, as JSON."""
    limits = Limits()
    question = ask(operation, asked, limits)
    if question.loaded.function is not None:
        return as_model(question.answer(limits)).model_dump(mode="json", exclude_unset=True)
    assert question.loaded.work is not None
    return plain(run_here(question.plan(limits), question.loaded.work.functions))


def _figures(operation: str, answer: Any) -> list[str]:
    if operation == "slices":
        centre = answer["centre"]
        told = [
            f"centre ({centre['source']}): loss {centre['loss']:.6g}, stationarity {centre['stationarity']:.2g}",
            f"lowest on the grid: {answer['lowest']['loss']:.6g}",
        ]
        if "interpolation" in answer:
            told.append(f"barrier {answer['interpolation']['barrier']:.6g}")
        if "trajectory" in answer:
            told.append(f"share of the path in the plane: {answer['trajectory']['explained']:.3f}")
        if "sharpness" in answer:
            told.append(f"largest loss at distance 1: {answer['sharpness']['largest'][-1]:.4g}")
        return told
    if operation == "spectra":
        ends = [
            f"{end} {answer[end]['value']:.6g} (residual {answer[end]['residual']:.1g})" for end in ("least", "largest")
        ]
        trace = answer["trace"]
        error = "" if trace["standard_error"] is None else f" +- {trace['standard_error']:.2g}"
        shares = answer["shares"]
        signs = f"{100 * shares['negative']:.1f} % negative, {100 * shares['zero']:.1f} % zero"
        return [
            f"{answer['method']} over {answer['weights']} weights: {', '.join(ends)}",
            f"trace {trace['value']:.5g}{error}; {signs} to {shares['zero_tolerance']:.1g}",
        ]
    if operation == "connectivity":
        paths = [name for name in ("straight", "aligned", "bezier", "explicit") if answer[name] is not None]
        told = [f"{name}: barrier {answer[name]['barrier']:.4g} ({answer[name]['evidence']})" for name in paths]
        marks = [] if answer["widths"] is None else answer["widths"]["marks"]
        return told + [
            f"width {mark['width']}: {mark['property']} is {mark['value']} ({', '.join(mark['because'])})"
            for mark in marks
        ]
    if operation in ("selection", "compression"):
        return _chosen(operation, answer)
    if operation == "sweeps":
        return [f"{' x '.join(map(str, answer['shape']))} points, solver {answer['solver']}"]
    return [f"{len(answer['stationary_points'])} stationary points, {len(answer['barcode'])} bars"]


def _chosen(operation: str, answer: Any) -> list[str]:
    """What the answer has chosen."""
    if operation == "compression":
        return [f"{layer['name']}: {'kept' if layer['kept_dense'] else layer['rank']}" for layer in answer["layers"]]
    found = {name: each for name, each in answer["chosen"].items() if each is not None}
    return [f"{name}: {each['value']:.4g} with error {each['score']:.4g}" for name, each in found.items()]
