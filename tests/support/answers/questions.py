"""The requests whose answers are kept: every operation, by a seed; the examples of those that came later."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from tests.support.answers import numbers, problems
from tests.support.answers.numbers import Json

SEED: Final = 20261130
COUNT: Final = 300


@dataclass(frozen=True)
class Question:
    """One request.

    Attributes
    ----------
    name : str
        Unique; the operation stands before the first slash.
    path : str
        Over HTTP; of a verification the name of the question whose answer is verified.
    method : str
        ``VERIFY`` for the command ``minima verify``.
    body : dict, str or None
        JSON, or a text as it is sent; of a verification the fields that are changed before.
    headers : dict
    """

    name: str
    path: str
    method: Literal["GET", "POST", "VERIFY"] = "POST"
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


SUITE_PROBLEM: Final = "sha256:2fc0c90a5108c14c4bf7541a100d1073a96d28f6afd17b2432a371b0107ed2eb"
DOCUMENT: Final = Path(__file__).parents[3] / "openapi" / "openapi.json"
AS_JOB: Final = {"Prefer": "respond-async, wait=60"}
CSV: Final = {"content-type": "text/csv"}


def uploaded(name: str) -> str:
    """What stands for the id of an upload until it is known."""
    return f"@{name}"


def questions(seed: int = SEED) -> list[Question]:
    """All of them, in an order in which each comes after those that it needs."""
    found: list[Question] = []
    for index, (operation, draw) in enumerate(DRAWS.items()):
        rng = np.random.default_rng([seed, index])
        for number, (path, body, headers) in enumerate(draw(rng)):
            method: Any = "GET" if body is None else "POST"
            found.append(Question(f"{operation}/{number:02d}", path, method, body, headers))
    return [*[*found, *_verifications(found)][:COUNT], *_examples({question.path for question in found})]


def _examples(drawn: set[str]) -> list[Question]:
    """The examples of operations that nothing is drawn for: what has come since."""
    paths = json.loads(DOCUMENT.read_text(encoding="utf-8"))["paths"]
    bodies = {
        path: methods["post"]["requestBody"]["content"].get("application/json", {}).get("examples", {})
        for path, methods in paths.items()
        if path not in drawn and "post" in methods
    }
    return [
        Question(f"{path.rpartition('/')[2]}/{number:02d}", path, "POST", shown["value"])
        for path, examples in bodies.items()
        for number, shown in enumerate(examples.values())
    ]


Drawn = Iterator[tuple[str, Any, dict[str, str]]]


def _post(path: str, bodies: Iterator[Json], headers: dict[str, str] | None = None) -> Drawn:
    for body in bodies:
        yield path, body, headers or {}


def _datasets(rng: np.random.Generator) -> Drawn:
    """Uploads, then what is asked about them."""
    for number, query in enumerate(("", "standardise=true", "one_hot=true", "centre=true&keep_samples=true")):
        one_hot = "one_hot" in query
        x, y = numbers.table(rng, 30, 4, 1)
        last = np.where(y[:, 0] > 0.0, 7, -2).astype(int) if one_hot else y[:, 0]
        rows = [",".join([*map(str, row), str(value)]) for row, value in zip(x.tolist(), last.tolist(), strict=True)]
        yield f"/v1/datasets?{query}&delimiter=comma", "\n".join(["a,b,c,d,y", *rows]), CSV
        reference = {"kind": "dataset", "id": uploaded(f"datasets/{2 * number:02d}")}
        layers = numbers.layers(rng, 1, 2 if one_hot else 1)
        yield "/v1/minima", {"network": {"layers": layers, "bias": "output"}, "data": reference}, {}


def _minima(rng: np.random.Generator) -> Iterator[Json]:
    for draw, count in problems.KINDS.values():
        for number in range(count):
            yield _with_options(draw(rng), problems.RETURNS[number % len(problems.RETURNS)])


def _with_options(problem: Json, options: Json) -> Json:
    return {"problem": problem, **options} if options else problem


PROBLEM_COLUMNS: Final = ("status", "loss", "lower_bound", "relative_gap", "fit", "norm", "trivial", "rank")


def _batches(rng: np.random.Generator) -> Iterator[Json]:
    for vary in ("decay_scale", "weight_decay", "noise_variance", "width"):
        for outputs in (1, 2):
            values: list[Any] = [1, 2, 4] if vary == "width" else [0.0, 0.02, 0.3, 1.0, 5.0]
            if outputs == 2 and vary == "noise_variance":
                continue
            layers = numbers.layers(rng, int(rng.integers(1, 3)) if outputs == 1 else 1, outputs)
            held = numbers.data(rng, outputs, evaluated=1.0)
            yield {
                "problem": {"network": {"layers": layers}, "data": held},
                "vary": {vary: values},
                "return": ["loss", "norm", "trivial", "rank", "evaluation_fit"],
            }
    for size, columns in ((3, None), (4, PROBLEM_COLUMNS), (2, None), (5, PROBLEM_COLUMNS)):
        drawn = [draw(rng) for draw in (problems.one_output, problems.two_decayed, problems.white, problems.one_output)]
        asked: Json = {"problems": [*drawn, problems.reduced_rank(rng)][:size]}
        yield asked if columns is None else {**asked, "return": list(columns)}


ACTIVATIONS: Final = ("relu", "leaky_relu", "tanh", "sigmoid", "softplus", "quadratic", "linear")


def _bent(rng: np.random.Generator, activation: str, outputs: int = 1, hidden: int = 1) -> Json:
    layers = numbers.layers(rng, hidden, outputs, decayed=bool(rng.random() < 0.4))
    for layer in layers[:-1]:
        layer["activation"] = activation
        layer["width"] += 2
        if activation == "leaky_relu":
            layer["slope"] = 0.1
    return numbers.bias(rng, {"layers": layers})


def _landscapes(rng: np.random.Generator) -> Iterator[Json]:
    for activation in ACTIVATIONS:
        for include in ([], ["witnesses"]):
            outputs = int(rng.integers(1, 3))
            data = numbers.data(rng, outputs, "samples", evaluated=0.0)
            problem = {"network": _bent(rng, activation, outputs, int(rng.integers(1, 3))), "data": data}
            yield _with_options(problem, {"include": include} if include else {})
    for draw in (problems.one_output, problems.two_decayed, problems.reduced_rank, problems.dropout, problems.deep):
        for _ in range(2):
            yield draw(rng)
    yield {"problem": problems.white(rng), "include": ["minimum", "hessian"]}
    yield {"problem": problems.one_output(rng), "include": ["minimum", "interpolation"]}
    for loss in ("logistic", "exponential"):
        network = {"layers": numbers.layers(rng, 1, 1, decayed=False)}
        yield {"network": network, "data": numbers.separable(rng), "objective": {"loss": loss}}
    yield {
        "network": {"layers": numbers.layers(rng, 1, 3)},
        "data": numbers.classes(rng, 3),
        "objective": {"loss": "cross_entropy"},
    }
    for outputs in (1, 2):
        network = {"layers": numbers.layers(rng, 2, outputs, decayed=outputs == 1)}
        yield {"network": network, "data": {"kind": "none", "inputs": 3}}
    held = numbers.matrix(rng, 3, 2), numbers.data(rng, 1, "samples", evaluated=0.0)
    layers = [
        {"width": len(held[1]["x"][0]), "weight_decay": 0.1},
        {"width": 2},
        {"width": 3, "frozen_weights": held[0]},
    ]
    yield {"network": {"layers": [*layers, {"width": 1}]}, "data": held[1]}
    skips = [{"from": 0, "to": 2, "kind": "trainable"}]
    yield {"network": {"layers": numbers.layers(rng, 1, 1, decayed=False), "skips": skips}, "data": held[1]}


def _ranks(rng: np.random.Generator) -> Iterator[Json]:
    for loss in ("logistic", "exponential"):
        for start in ("below_chance", "unknown", 0.1):
            problem = {
                "network": {"layers": numbers.layers(rng, 2, 1, decayed=False)},
                "data": numbers.separable(rng, 3),
                "objective": {"loss": loss},
            }
            snapshots = [{"weights": numbers.weights(rng, problem, scale)} for scale in (0.1, 1.0, 5.0)]
            training = {"dynamics": "gradient_flow", "initial_loss": start}
            yield {"problem": problem, "training": training, "snapshots": snapshots, "include": ["rules"]}
    for activation in ("relu", "leaky_relu", "linear"):
        problem = {"network": _bent(rng, activation, 1, 2), "data": numbers.separable(rng)}
        yield {"problem": {**problem, "objective": {"loss": "logistic"}}, "include": ["compression"]}
    for dynamics in ("sgd", "global_minimum", "minimum_norm"):
        training = {"dynamics": dynamics, "batch_size": 4, "learning_rate": 0.05, "momentum": 0.5}
        for draw in (problems.one_output, problems.two_decayed):
            yield {"problem": draw(rng), "training": training if dynamics == "sgd" else {"dynamics": dynamics}}
    linear = {"layers": [{"width": 3}, {"width": 3}, {"width": 1}], "bias": "all"}
    linear["skips"] = [{"from": 0, "to": 2, "kind": "trainable"}, {"from": 1, "to": 2, "kind": "diagonal"}]
    problem = {"network": linear, "data": numbers.separable(rng, 3), "objective": {"loss": "logistic"}}
    skips = {"1": numbers.matrix(rng, 3, 3), "2": numbers.matrix(rng, 1, 3)[0]}
    weights = {str(layer + 1): weight for layer, weight in enumerate(numbers.weights(rng, problem))}
    biases = {str(layer + 1): numbers.matrix(rng, 1, width)[0] for layer, width in enumerate((3, 3, 1))}
    yield {"problem": problem, "snapshots": [{"weights": weights, "biases": biases, "skips": skips}]}
    single = {"width": 4, "kind": "conv", "kernel": [3], "channels": 1, "stride": 2}
    yield {"network": {"layers": [single, {"width": 1}]}, "data": {"kind": "none", "inputs": 9}}
    shared = {"width": 8, "kind": "conv", "kernel": [3], "channels": 2, "activation": "relu"}
    yield {"network": {"layers": [shared, {"width": 1}]}, "data": {"kind": "none", "inputs": 6}}
    taught = {"dynamics": "minimum_norm", "teacher": {"depth": 2, "width": 2, "norm_bound": 1.5}}
    deep = {"layers": [{"width": 4, "activation": "relu"} for _ in range(4)] + [{"width": 1}]}
    yield {"problem": {"network": deep, "data": numbers.separable(rng)}, "training": taught}
    yield {"problem": problems.reduced_rank(rng), "include": ["rules", "compression"]}


def _diagnoses(rng: np.random.Generator) -> Iterator[Json]:
    for draw in (problems.one_output, problems.two_decayed, problems.reduced_rank, problems.deep, problems.noisy):
        for scale in (1.0, 0.0):
            problem = draw(rng)
            while problem["network"].get("bias", "none") != "none" or problem["data"]["kind"] == "factor":
                problem = draw(rng)
            weights = numbers.weights(rng, problem, scale)
            yield {"problem": problem, "weights": weights, "include": ["spectrum"] if scale else []}
    minimum = [[[0.0, 0.0], [0.0, 0.9486832980505138]]] * 2
    layers = [{"width": 2, "weight_decay": 0.1}] * 2
    data = {"kind": "moments", "xx": [[1.0, 0.0], [0.0, 1.0]], "xy": [[2.0, 0.0], [0.0, 1.0]], "yy": 5.0}
    yield {"network": {"layers": layers}, "data": data, "weights": minimum}
    rounded = [[[0.0, 0.0], [0.0, 0.9487]]] * 2
    yield {"network": {"layers": layers}, "data": data, "weights": rounded, "gradient_tolerance": 0.01}
    yield {"network": {"layers": layers}, "data": data, "weights": rounded}
    hinged = [{"width": 2, "activation": "relu", "weight_decay": 0.01}, {"width": 1, "weight_decay": 0.01}]
    corners = {
        "kind": "samples",
        "x": [[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]],
        "y": [1.0, -1.0, -1.0, 1.0],
    }
    yield {"network": {"layers": hinged}, "data": corners, "weights": [[[0.6, 0.6], [-0.6, -0.6]], [[0.8, 0.8]]]}


def _diagrams(rng: np.random.Generator) -> Iterator[Json]:
    axes = {
        "decay_scale": {"parameter": "decay_scale", "from": 0.01, "to": 20, "points": 9},
        "noise_variance": {"parameter": "noise_variance", "from": 0, "to": 4, "points": 4},
        "weight_decay": {"parameter": "weight_decay", "from": 0.001, "to": 3, "points": 5, "layer": 1},
        "width": {"parameter": "width", "from": 1, "to": 5, "points": 5},
        "depth": {"parameter": "depth", "from": 1, "to": 4, "points": 4},
    }
    pairs: list[tuple[str, ...]] = [("decay_scale",), ("noise_variance",), ("weight_decay",), ("width",), ("depth",)]
    pairs += [("decay_scale", "noise_variance"), ("decay_scale", "width"), ("depth", "decay_scale")]
    for names in pairs:
        layers = numbers.layers(rng, 2, 1, noisy=0.5)
        held = numbers.data(rng, 1, evaluated=0.5)
        yield {"problem": {"network": {"layers": layers}, "data": held}, "axes": [axes[name] for name in names]}
    for draw in (problems.two_decayed, problems.white, problems.reduced_rank):
        yield {"problem": draw(rng), "axes": [axes["decay_scale"]]}


def _races(rng: np.random.Generator) -> Iterator[Json]:
    pairs = (["gd", "lbfgs"], ["adam", "adamw"], ["sgd"])
    for number, optimisers in enumerate(pairs):
        layers = numbers.layers(rng, 2, 1, noisy=0.5 if number else 0.0)
        problem = {"network": {"layers": layers}, "data": numbers.data(rng, 1, "samples", evaluated=0.0)}
        start = [["xavier", "kaiming"], ["orthogonal"], ["scaled_identity", "balanced_small"]][number]
        yield {
            "problem": problem,
            "optimisers": optimisers,
            "initialisations": start,
            "runs": 2,
            "steps": 8,
            "seed": number,
        }
    network = {"layers": numbers.layers(rng, 1, 2)}
    problem = {"network": network, "data": numbers.data(rng, 2, "samples", evaluated=0.0)}
    yield {"problem": problem, "optimisers": ["gd", "adam"], "runs": 2, "steps": 8, "sampled": True, "batch_size": 4}
    # some runs arrive, in units that are not the core's
    layers = [{"width": 2, "weight_decay": 0.05}, {"width": 1, "weight_decay": 0.05}]
    data = {"kind": "samples", "x": [[1.0], [-1.0], [2.0], [-2.0]], "y": [2.0, -2.0, 4.5, -3.5]}
    problem = {"network": {"layers": layers}, "data": data, "objective": {"convention": "half_sum"}}
    yield {"problem": problem, "optimisers": ["lbfgs", "adamw"], "initialisations": ["xavier"], "runs": 2, "steps": 12}


def _pictured(rng: np.random.Generator, activation: str = "tanh") -> Json:
    network = {"layers": [{"width": 4, "activation": activation}, {"width": 1}], "bias": "all"}
    return {"network": network, "data": numbers.data(rng, 1, "samples", evaluated=0.0)}


def _slices(rng: np.random.Generator) -> Iterator[Json]:
    plain: Json = {"points": 7, "seed": 3, "training_steps": 4}
    for kind in ("plane", "line", "interpolation", "sharpness"):
        extra = {"directions": 3} if kind in ("line", "sharpness") else {}
        yield {"problem": _pictured(rng), "kind": kind, **plain, **extra}
    linear = {"network": {"layers": numbers.layers(rng, 2, 1, noisy=0.5)}, "data": numbers.data(rng, 1, "samples")}
    yield {"problem": linear, "at": "global_minimum", "kind": "interpolation", **plain}
    yield {"problem": linear, "at": "origin", "normalisation": "unit", **plain}
    yield {"problem": _pictured(rng), "trajectory": "training", "axes_from": "trajectory", **plain}
    relu = _pictured(rng, "relu")
    drawn = {"weights": numbers.weights(rng, relu), "biases": [[0.1, -0.2, 0.3, 0.0], [0.5]]}
    yield {"problem": relu, **drawn, "normalisation": "layer", **plain}


def _spectra(rng: np.random.Generator) -> Iterator[Json]:
    plain: Json = {"points": 11, "seed": 2, "training_steps": 4}
    for method in ("exact", "lanczos"):
        for activation in ("tanh", "softplus"):
            more = {"probes": 2, "lanczos_steps": 8} if method == "lanczos" else {}
            yield {"problem": _pictured(rng, activation), "method": method, **plain, **more}
    linear = {"network": {"layers": numbers.layers(rng, 1, 2)}, "data": numbers.data(rng, 2, "samples", evaluated=0.0)}
    yield {"problem": linear, "at": "global_minimum", "broadening": 0.5, **plain}
    yield {"problem": linear, "at": "origin", **plain}


def _relu_minima(rng: np.random.Generator) -> Iterator[Json]:
    for loss, bias in (("squared", "output"), ("logistic", "none"), ("huber", "none")):
        x = rng.standard_normal((6, 2)).round(3)
        y = np.sign(x[:, 0]) if loss == "logistic" else (np.sin(x[:, 0]) + x[:, 1]).round(3)
        hidden = {"width": 6, "activation": "relu", "weight_decay": 0.05}
        network = {"layers": [hidden, {"width": 1, "weight_decay": 0.02}], "bias": bias}
        data = {"kind": "samples", "x": x.tolist(), "y": y.tolist()}
        yield {"problem": {"network": network, "data": data, "objective": {"loss": loss}}}


def _connections(rng: np.random.Generator) -> Iterator[Json]:
    plain: Json = {"points": 9, "rounds": 1, "round_steps": 2, "training_steps": 4, "seed": 5}
    yield {"problem": _pictured(rng), **plain}
    yield {"problem": _pictured(rng, "relu"), **plain, "rounds": 0, "widths": [1, 3], "runs": 2}
    linear = {"network": {"layers": numbers.layers(rng, 1, 1)}, "data": numbers.data(rng, 1, "samples", evaluated=0.0)}
    yield {"problem": linear, "ends": ["global_minimum", "origin"], **plain}
    # wide enough for the path that is proved to be low, in units that are not the core's
    network = {"layers": [{"width": 12, "activation": "relu"}, {"width": 1}], "bias": "all"}
    data = {"kind": "samples", "x": [[-1.0], [0.0], [1.0], [2.0]], "y": [1.0, 0.0, 1.5, 0.5]}
    wide = {"network": network, "data": data, "objective": {"convention": "half_sum"}}
    yield {"problem": wide, **plain, "include": ["points"]}


def _flows(rng: np.random.Generator) -> Iterator[Json]:
    for loss, activation in (("exponential", "linear"), ("logistic", "linear"), ("logistic", "relu")):
        layers = [{"width": 4, "activation": activation}, {"width": 3}, {"width": 1}]
        problem = {"network": {"layers": layers}, "data": numbers.separable(rng), "objective": {"loss": loss}}
        yield {"problem": problem, "until": {"log_loss": -30}, "seed": 1}
    problem = {"network": {"layers": numbers.layers(rng, 1, 1)}, "data": numbers.data(rng, 1, "samples", evaluated=0.0)}
    yield {
        "problem": problem,
        "initialisation": "balanced_small",
        "until": {"evaluations": 200},
        "include": ["weights", "modes"],
    }
    start = {"kind": "weights", "snapshot": {"weights": numbers.weights(rng, problem)}}
    yield {"problem": problem, "initialisation": start, "until": {"evaluations": 200}}
    network = {"layers": numbers.layers(rng, 1, 2, decayed=False)}
    problem = {"network": network, "data": numbers.data(rng, 2, "samples", evaluated=0.0)}
    yield {"problem": problem, "initialisation": {"kind": "gaussian", "scale": 0.3}, "until": {"evaluations": 200}}


def _generated(rng: np.random.Generator) -> Iterator[Json]:
    for hidden in ([], [3], [4, 5]):
        values = np.round(np.sort(rng.uniform(0.5, 3.0, size=2))[::-1], 2).tolist()
        yield {
            "inputs": 3,
            "outputs": 2,
            "hidden_widths": hidden,
            "singular_values": values,
            "weight_decay": 0.05,
            "seed": 3,
        }
    yield {"inputs": 4, "outputs": 3, "hidden_widths": [3], "rank": 2, "gap": 0.25, "weight_decay": 0.02, "seed": 4}
    yield {"inputs": 2, "outputs": 1, "hidden_widths": [3], "singular_values": [2.0], "noise_variance": 0.5}
    yield {"inputs": 3, "outputs": 2, "singular_values": [2.0, 1.0], "conditioning": 100.0, "residual": 0.5}


def _wrong(rng: np.random.Generator) -> Drawn:
    """Requests that are refused, for one reason each."""
    good = problems.two_decayed(rng)
    less = {"network": good["network"]}
    bad_number = json.dumps(good).replace("0.", "NaN", 1)
    yield "/v1/minima", less, {}
    yield "/v1/minima", {**good, "unknown": 1}, {}
    yield "/v1/minima", bad_number, {"content-type": "application/json"}
    yield "/v1/minima", "a,b\n1,2", CSV
    bent = {"network": _bent(rng, "tanh"), "data": numbers.data(rng, 1, "samples", evaluated=0.0)}
    yield "/v1/minima", bent, {}
    many = {"network": {"layers": [{"width": 10**9}, {"width": 1}]}, "data": {"kind": "none", "inputs": 2}}
    yield "/v1/landscape", many, {}
    yield "/v1/ranks", {"network": {"layers": []}, "data": {"kind": "none", "inputs": 2}}, {}
    yield "/v1/theorems/none-of-this-name", None, {}
    yield "/v1/jobs/none-of-this-id", None, {}
    short = {"kind": "moments", "xx": [[1.0]], "xy": [[0.5]], "yy": 1.0}
    biased = {"network": {"layers": [{"width": 1}], "bias": "output"}, "data": short}
    yield "/v1/minima", biased, {}
    negative = {"kind": "moments", "xx": [[1.0, 2.0], [2.0, 1.0]], "xy": [[0.5], [0.5]], "yy": 1.0}
    yield "/v1/minima", {"network": {"layers": [{"width": 1}]}, "data": negative}, {}
    yield "/v1/batch", good, {}


def _looked_up(_: np.random.Generator) -> Drawn:
    for path in ("examples", "examples/diabetes", "examples/wine?raw=true", "theorems", "problems"):
        yield f"/v1/{path}", None, {}
    yield f"/v1/problems/{SUITE_PROBLEM}", None, {}
    yield f"/v1/datasets/{uploaded('datasets/02')}", None, {}
    yield "/v1/datasets", None, {}
    yield "/v1/theorems/R01", None, {}
    yield "/v1/theorems/scalar-output", None, {}
    yield "/version", None, {}


def _jobs(rng: np.random.Generator) -> Drawn:
    """Every operation once more, as a job of a worker."""
    heavy = {
        "sweeps": _diagrams,
        "races": _races,
        "slices": _slices,
        "spectra": _spectra,
        "connectivity": _connections,
        "gradient-flows": _flows,
        "minima": _minima,
        "minima/batch": _batches,
        "landscape": _landscapes,
        "ranks": _ranks,
        "diagnose": _diagnoses,
        "relu-minima": _relu_minima,
    }
    for path, draw in heavy.items():
        yield f"/v1/{path}", next(draw(rng)), AS_JOB


DRAWS: Final[Mapping[str, Callable[[np.random.Generator], Drawn]]] = {
    "datasets": _datasets,
    "minima": lambda rng: _post("/v1/minima", _minima(rng)),
    "minima_batch": lambda rng: _post("/v1/minima/batch", _batches(rng)),
    "landscape": lambda rng: _post("/v1/landscape", _landscapes(rng)),
    "ranks": lambda rng: _post("/v1/ranks", _ranks(rng)),
    "diagnose": lambda rng: _post("/v1/diagnose", _diagnoses(rng)),
    "sweeps": lambda rng: _post("/v1/sweeps", _diagrams(rng)),
    "races": lambda rng: _post("/v1/races", _races(rng)),
    "slices": lambda rng: _post("/v1/slices", _slices(rng)),
    "spectra": lambda rng: _post("/v1/spectra", _spectra(rng)),
    "connectivity": lambda rng: _post("/v1/connectivity", _connections(rng)),
    "gradient_flows": lambda rng: _post("/v1/gradient-flows", _flows(rng)),
    "problems": lambda rng: _post("/v1/problems", _generated(rng)),
    "refused": _wrong,
    "looked_up": _looked_up,
    "jobs": _jobs,
    "relu_minima": lambda rng: _post("/v1/relu-minima", _relu_minima(rng)),
}


def _verifications(asked: list[Question]) -> list[Question]:
    """Answers with weights and problem, verified as they are or with one number changed."""
    whole = [question.name for question in asked if _is_whole(question)]
    changes: tuple[Json, ...] = ({}, {}, {"global_minimum.loss": 1e-3}, {}, {"certificate.lower_bound": 1e-4})
    return [
        Question(f"verify/{number:02d}", name, "VERIFY", changes[number % len(changes)])
        for number, name in enumerate(whole)
    ]


def _is_whole(question: Question) -> bool:
    return question.name.startswith("minima/") and question.body.get("return", {}).get("problem", False)
