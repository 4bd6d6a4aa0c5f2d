"""Requests to all operations but minima that are refused: what `docs/bad-input.md` shows beside the cases of minima."""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from service.schemas.connectivity import CONNECTIVITY_EXAMPLE
from service.schemas.diagnose import DIAGNOSE_EXAMPLE
from service.schemas.flows import FLOW_EXAMPLE
from service.schemas.generated import CHOSEN_GAP_EXAMPLE, GENERATED_EXAMPLE
from service.schemas.problem import DESIGN_EXAMPLE
from service.schemas.slices import SLICE_EXAMPLE
from service.schemas.spectra import SPECTRUM_EXAMPLE


@dataclass(frozen=True)
class Refused:
    """A request and what the reader is told about it."""

    name: str
    path: str
    body: Any = None
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes | None:
        """The body as it is sent."""
        return self.body if isinstance(self.body, bytes) or self.body is None else json.dumps(self.body).encode()


def _with(base: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """A copy with other values at paths whose steps are joined by two underscores; ``None`` leaves out."""
    copied: dict[str, Any] = copy.deepcopy(dict(base))
    for path, value in changes.items():
        place: Any = copied
        *steps, last = path.split("__")
        for step in steps:
            place = place[int(step)] if step.isdecimal() else place[step]
        if value is None:
            del place[last]
        elif isinstance(place, list):
            place[int(last)] = value
        else:
            place[last] = value
    return copied


MOMENTS: Final = DESIGN_EXAMPLE["data"]
FLOW: Final = FLOW_EXAMPLE["problem"]
WIDE: Final = [{"width": 4}, {"width": 3}, {"width": 1}]
CONVOLVED: Final = {"width": 8, "kind": "conv", "kernel": [3], "channels": 2}
CONVOLUTION: Final = {
    "network": {"layers": [CONVOLVED, {"width": 1}]},
    "data": {"kind": "none", "inputs": 8},
}
TANH: Final = [{"width": 3, "activation": "tanh"}, {"width": 1}]
LARGE: Final = [{"width": 20_000}, {"width": 1}]
GAP: Final = CHOSEN_GAP_EXAMPLE


def _snapshot(*shapes: tuple[int, int]) -> dict[str, Any]:
    return {"weights": [[[0.5] * columns] * rows for rows, columns in shapes]}


FORM: Final = b'--b\r\ncontent-disposition: form-data; name="file"; filename="NAME"\r\n\r\n1,2\r\n--b--\r\n'
FORM_KIND: Final = {"content-type": "multipart/form-data; boundary=b"}
RANKS: Final = (
    Refused(
        "ranks: something concatenated to the output",
        "/v1/ranks",
        _with(FLOW, network={"layers": WIDE, "skips": [{"from": 0, "to": 3, "kind": "concatenate"}]}),
    ),
    Refused(
        "ranks: a diagonal skip between unequal widths",
        "/v1/ranks",
        _with(FLOW, network={"layers": WIDE, "skips": [{"from": 0, "to": 1, "kind": "diagonal"}]}),
    ),
    Refused(
        "ranks: snapshots that do not chain",
        "/v1/ranks",
        {"problem": _with(FLOW, network={"layers": WIDE}), "snapshots": [_snapshot((4, 2), (3, 3), (1, 3))]},
    ),
    Refused(
        "ranks: a snapshot with a matrix that is transposed",
        "/v1/ranks",
        {"problem": _with(FLOW, network={"layers": WIDE}), "snapshots": [_snapshot((4, 2), (4, 3), (1, 3))]},
    ),
    Refused(
        "ranks: a snapshot without all matrices",
        "/v1/ranks",
        {"problem": _with(FLOW, network={"layers": WIDE}), "snapshots": [_snapshot((4, 2), (3, 4))]},
    ),
    Refused(
        "ranks: a width that is not a multiple of the channels",
        "/v1/ranks",
        _with(CONVOLUTION, network__layers__0={**CONVOLVED, "channels": 3}),
    ),
    Refused("ranks: a convolution without kernel", "/v1/ranks", _with(CONVOLUTION, network__layers__0__kernel=None)),
    Refused(
        "ranks: a kernel larger than a feature map",
        "/v1/ranks",
        _with(CONVOLUTION, network__layers__0__kernel=[9]),
    ),
    Refused(
        "ranks: channels that do not divide what is read",
        "/v1/ranks",
        _with(CONVOLUTION, network__layers__0={**CONVOLVED, "in_channels": 3}),
    ),
    Refused(
        "ranks: a kernel of a dense layer",
        "/v1/ranks",
        _with(CONVOLUTION, network__layers__0={"width": 8, "kernel": [3]}),
    ),
    Refused("minima: a convolution", "/v1/minima", CONVOLUTION),
)
FLOWS: Final = (
    Refused(
        "flows: data without samples where they are needed",
        "/v1/gradient-flows",
        {"problem": {**FLOW, "data": {"kind": "none", "inputs": 2}}},
    ),
    Refused(
        "flows: an activation that is not piecewise linear",
        "/v1/gradient-flows",
        {"problem": _with(FLOW, network={"layers": TANH})},
    ),
    Refused("flows: another kind of training", "/v1/gradient-flows", {**FLOW_EXAMPLE, "training": {"dynamics": "sgd"}}),
    Refused("flows: too many weights", "/v1/gradient-flows", {"problem": _with(FLOW, network={"layers": LARGE})}),
)
PICTURES: Final = (
    Refused("slices: one point", "/v1/slices", {**SLICE_EXAMPLE, "points": 1}),
    Refused("slices: 501 x 501 points", "/v1/slices", {**SLICE_EXAMPLE, "points": 501}),
    Refused("slices: weights of a wrong shape", "/v1/slices", {**SLICE_EXAMPLE, "weights": [[[1.0]], [[1.0]]]}),
    Refused("slices: weights and a named point", "/v1/slices", {**SLICE_EXAMPLE, "weights": [[[1.0]]], "at": "origin"}),
    Refused("slices: biases alone", "/v1/slices", {**SLICE_EXAMPLE, "biases": [[0.0] * 4, [0.0]]}),
    Refused("slices: an unknown name", "/v1/slices", {**SLICE_EXAMPLE, "at": "summit"}),
    Refused("slices: a minimum that no solver has", "/v1/slices", {**SLICE_EXAMPLE, "at": "global_minimum"}),
    Refused(
        "slices: the fourth of three stationary points", "/v1/slices", {"problem": DESIGN_EXAMPLE, "at": 3, "points": 5}
    ),
    Refused("slices: a plane with an end", "/v1/slices", {**SLICE_EXAMPLE, "to": "origin"}),
    Refused("slices: a plane with a number of directions", "/v1/slices", {**SLICE_EXAMPLE, "directions": 3}),
    Refused(
        "slices: a nonlinear network from moments",
        "/v1/slices",
        {"problem": {"network": {"layers": TANH}, "data": MOMENTS}},
    ),
    Refused(
        "slices: a nonlinear network with dropout",
        "/v1/slices",
        _with(SLICE_EXAMPLE, problem__network__layers__0__noise={"kind": "dropout", "rate": 0.5}),
    ),
    Refused("spectra: too many products", "/v1/spectra", {**SPECTRUM_EXAMPLE, "lanczos_steps": 1001}),
    Refused("connectivity: one end", "/v1/connectivity", {**CONNECTIVITY_EXAMPLE, "ends": ["origin"]}),
    Refused("connectivity: a width of 10^6", "/v1/connectivity", {**CONNECTIVITY_EXAMPLE, "widths": [2, 10**6]}),
    Refused(
        "connectivity: bent a million times",
        "/v1/connectivity",
        {**CONNECTIVITY_EXAMPLE, "rounds": 1000, "round_steps": 1000},
    ),
)
BENT: Final = {
    "inputs": 2,
    "outputs": 1,
    "hidden_widths": [20],
    "samples": 30,
    "weight_decay": 0.02,
    "activation": "relu",
}
OTHERS: Final = (
    Refused(
        "sweeps: three axes",
        "/v1/sweeps",
        {
            "problem": DESIGN_EXAMPLE,
            "axes": [{"parameter": name, "from": 1, "to": 2} for name in ("decay_scale", "noise_variance", "width")],
        },
    ),
    Refused(
        "sweeps: a log axis from zero",
        "/v1/sweeps",
        {"problem": DESIGN_EXAMPLE, "axes": [{"parameter": "decay_scale", "from": 0, "to": 1, "spacing": "log"}]},
    ),
    Refused("races: no runs", "/v1/races", {"problem": DESIGN_EXAMPLE, "optimisers": ["gd"], "runs": 0}),
    Refused("races: an unknown optimiser", "/v1/races", {"problem": DESIGN_EXAMPLE, "optimisers": ["newton"]}),
    Refused(
        "batches: nothing that varies", "/v1/minima/batch", {"problem": DESIGN_EXAMPLE, "vary": {}, "return": ["loss"]}
    ),
    Refused("batches: no problems", "/v1/minima/batch", {"problems": []}),
    Refused("diagnoses: no weights", "/v1/diagnose", _with(DIAGNOSE_EXAMPLE, weights=None)),
    Refused("diagnoses: weights of 1e200", "/v1/diagnose", _with(DIAGNOSE_EXAMPLE, weights__0__0__0=1e200)),
    Refused(
        "diagnoses: weights of a frozen layer that are not its own",
        "/v1/diagnose",
        _with(DIAGNOSE_EXAMPLE, network__layers__1={"width": 2, "frozen_weights": [[1.0, 0.0], [0.0, 1.0]]}),
    ),
    Refused(
        "test problems: rank beside singular values", "/v1/problems", {**GENERATED_EXAMPLE, "rank": 2, "gap": 0.25}
    ),
    Refused("test problems: several outputs of a ReLU network", "/v1/problems", {**BENT, "outputs": 2}),
    Refused("test problems: a ReLU network of three layers", "/v1/problems", {**BENT, "hidden_widths": [5, 5]}),
    Refused("test problems: a ReLU network without decay", "/v1/problems", {**BENT, "weight_decay": 0.0}),
    Refused("test problems: a ReLU network of nine inputs", "/v1/problems", {**BENT, "inputs": 9}),
    Refused("test problems: a ReLU network on 10^4 samples", "/v1/problems", {**BENT, "samples": 10_000}),
    Refused("test problems: the rank of a ReLU network", "/v1/problems", {**BENT, "rank": 1}),
    Refused("test problems: a ReLU network under noise", "/v1/problems", {**BENT, "noise_variance": 0.5}),
    Refused("test problems: a ReLU network that is too narrow", "/v1/problems", {**BENT, "hidden_widths": [1]}),
    Refused("test problems: gap without rank", "/v1/problems", _with(GAP, rank=None)),
    Refused(
        "test problems: conditioning of one input",
        "/v1/problems",
        {**GENERATED_EXAMPLE, "inputs": 1, "outputs": 1, "singular_values": [1.0], "conditioning": 10.0},
    ),
    Refused(
        "a picture of an answer that is never drawn", "/v1/minima", DESIGN_EXAMPLE, headers={"accept": "image/svg+xml"}
    ),
    Refused("test problems: rank above a hidden width", "/v1/problems", {**GAP, "hidden_widths": [1]}),
    Refused("test problems: gap without a hidden layer", "/v1/problems", {**GAP, "hidden_widths": []}),
    Refused("test problems: gap under noise", "/v1/problems", {**GAP, "noise_variance": 0.5}),
    Refused("test problems: gap under decay on other inputs", "/v1/problems", {**GAP, "conditioning": 10.0}),
    Refused(
        "test problems: gap that needs tiny singular values", "/v1/problems", {**GAP, "gap": 1e-12, "weight_decay": 0.0}
    ),
    Refused("test problems: negative gap", "/v1/problems", {**GAP, "gap": -1.0}),
    Refused("test problems: an id that is not of the suite", "/v1/problems/none", method="GET"),
    Refused("theorems: an unknown id", "/v1/theorems/none", method="GET"),
    Refused("theorems: an unknown property", "/v1/theorems?property=flat", method="GET"),
    Refused("examples: an unknown name", "/v1/examples/none", method="GET"),
    Refused("examples: a parameter that is not a truth value", "/v1/examples/wine?raw=perhaps", method="GET"),
    Refused("jobs: an unknown id", "/v1/jobs/none", method="GET"),
    Refused("jobs: something that is not a cursor", "/v1/jobs?cursor=none", method="GET"),
    Refused("data sets: an unknown id", "/v1/datasets/none", method="GET"),
    Refused(
        "data sets: a problem on one that never was",
        "/v1/minima",
        {"network": {"layers": [{"width": 1}]}, "data": {"kind": "dataset", "id": "none"}},
    ),
    Refused(
        "data sets: a problem without its id",
        "/v1/minima",
        {"network": {"layers": [{"width": 1}]}, "data": {"kind": "dataset"}},
    ),
    Refused(
        "uploads: an unknown option", "/v1/datasets?standardize=true", b"1,2", headers={"content-type": "text/csv"}
    ),
    Refused(
        "uploads: an option that is not a truth value",
        "/v1/datasets?one_hot=perhaps",
        b"1,2",
        headers={"content-type": "text/csv"},
    ),
    Refused("uploads: more folds than rows", "/v1/datasets?folds=3", b"1,2\n3,4", headers={"content-type": "text/csv"}),
    Refused("uploads: another content type", "/v1/datasets", b"1,2", headers={"content-type": "text/html"}),
    Refused(
        "uploads: packed",
        "/v1/datasets",
        b"1,2",
        headers={"content-type": "text/csv", "content-encoding": "br"},
    ),
    Refused("uploads: a pickle", "/v1/datasets", FORM.replace(b"NAME", b"table.pkl"), headers=FORM_KIND),
    Refused(
        "uploads: a table of an old spreadsheet", "/v1/datasets", FORM.replace(b"NAME", b"a.xls"), headers=FORM_KIND
    ),
    Refused("uploads: Parquet sent as csv", "/v1/datasets", b"PAR1", headers={"content-type": "text/csv"}),
    Refused("an unknown parameter", "/v1/jobs?limt=5", method="GET"),
    Refused(
        "a parameter where there is none", "/v1/minima?width=5", b"{}", headers={"content-type": "application/json"}
    ),
    Refused("an unknown path", "/v1/none", method="GET"),
    Refused("a method that a path has not", "/v1/minima", method="GET"),
    Refused("another content type", "/v1/minima", b"{}", headers={"content-type": "text/plain"}),
    Refused(
        "a content encoding",
        "/v1/minima",
        b"{}",
        headers={"content-type": "application/json", "content-encoding": "gzip"},
    ),
)
RACED: Final = {"problem": DESIGN_EXAMPLE, "optimisers": ["gd"], "runs": 1, "steps": 1}
INFIMUM: Final = [{"width": 2, "weight_decay": 0.1}, {"width": 1}]
RACES: Final = (
    Refused("races: no data", "/v1/races", _with(RACED, problem__data={"kind": "none", "inputs": 1})),
    Refused("races: a layer that bends", "/v1/races", _with(RACED, problem__network__layers__0__activation="tanh")),
    Refused(
        "races: three layers of rectifiers", "/v1/races", _with(RACED, problem__network__layers__0__activation="relu")
    ),
    Refused(
        "races: a skip",
        "/v1/races",
        _with(RACED, problem__network__skips=[{"from": 0, "to": 3, "kind": "trainable"}]),
    ),
    Refused(
        "races: another loss",
        "/v1/races",
        _with(RACED, problem={**FLOW, "network": {"layers": [{"width": 1, "weight_decay": 0.1}]}}),
    ),
    Refused("races: too many runs", "/v1/races", {**RACED, "runs": 10**6}),
    Refused("races: too many weights", "/v1/races", _with(RACED, problem__network__layers__0__width=10**6)),
    Refused("races: an infimum that no weights attain", "/v1/races", _with(RACED, problem__network__layers=INFIMUM)),
    Refused("races: rows sampled from moments", "/v1/races", {**RACED, "optimisers": ["sgd"]}),
)
FEATURES: Final = {
    "network": {
        "model": "unconstrained_features",
        "class_counts": [3, 2],
        "feature_weight_decay": 0.1,
        "layers": [{"width": 2, "weight_decay": 0.1}],
    },
    "data": {"kind": "none", "inputs": 3},
}
VARIATIONAL: Final = {
    "network": {"model": "linear_vae", "latent": 1, "layers": [{"width": 1}]},
    "data": {"kind": "moments", "xx": [[1.0]], "xy": [[1.0]], "yy": 1.0},
}


def _model(base: Mapping[str, Any], name: str, **changes: Any) -> Refused:
    return Refused(name, "/v1/minima", _with(base, **changes))


MODELS: Final = (
    _model(FEATURES, "free features: another number of outputs", network__layers__0__width=3),
    _model(FEATURES, "free features: a hidden bias", network__bias="all"),
    _model(FEATURES, "free features: another loss", objective={"loss": "cross_entropy"}),
    _model(FEATURES, "free features: too wide", data__inputs=10**8),
    _model(VARIATIONAL, "autoencoder: too many latents", network__latent=3000),
    _model(VARIATIONAL, "autoencoder: decay", network__layers__0__weight_decay=0.1),
    _model(VARIATIONAL, "autoencoder: an activation", network__layers__0__activation="tanh"),
    _model(VARIATIONAL, "autoencoder: noise on the inputs", network__input_noise={"kind": "gaussian", "variance": 1}),
    _model(VARIATIONAL, "autoencoder: a bias of the output alone", network__bias="output"),
    _model(VARIATIONAL, "autoencoder: another convention", objective={"convention": "half_mean"}),
)
LINEAR: Final = _with(FLOW, network={"layers": WIDE, "bias": "all"})


def _recorded(name: str, **parts: Any) -> Refused:
    """A snapshot of right weights with something else beside them."""
    weights = _snapshot((4, 2), (3, 4), (1, 3))["weights"]
    return Refused(name, "/v1/ranks", {"problem": LINEAR, "snapshots": [{"weights": weights, **parts}]})


SNAPSHOTS: Final = (
    _recorded("ranks: a snapshot without biases"),
    _recorded("ranks: a bias of a wrong length", biases=[[0.0] * 4, [0.0] * 2, [0.0]]),
    _recorded("ranks: weights of a skip that does not exist", biases=[[0.0] * 4, [0.0] * 3, [0.0]], skips=[[1.0]]),
    _recorded(
        "ranks: biases by numbers of layers that do not exist", biases={"0": [0.0] * 4, "2": [0.0] * 3, "3": [0.0]}
    ),
    _recorded("ranks: a bias beyond 1e100", biases=[[1e101] * 4, [0.0] * 3, [0.0]]),
)
CONVOLUTIONS: Final = (
    Refused(
        "ranks: other feature maps than those before",
        "/v1/ranks",
        _with(
            CONVOLUTION,
            network__layers=[CONVOLVED, {**CONVOLVED, "in_channels": 4}, {"width": 1}],
        ),
    ),
    Refused(
        "ranks: a convolution without channels", "/v1/ranks", _with(CONVOLUTION, network__layers__0__channels=None)
    ),
)
PROBLEMS: Final = (
    Refused(
        "test problems: singular values beyond 1000", "/v1/problems", {**GENERATED_EXAMPLE, "singular_values": [2e3]}
    ),
    Refused(
        "test problems: more singular values than outputs",
        "/v1/problems",
        {**GENERATED_EXAMPLE, "singular_values": [1.0] * 4},
    ),
    Refused("test problems: too few samples", "/v1/problems", {**GENERATED_EXAMPLE, "samples": 2}),
    Refused("test problems: a hidden width of zero", "/v1/problems", {**GENERATED_EXAMPLE, "hidden_widths": [0]}),
)
ELSEWHERE: Final = (*RANKS, *SNAPSHOTS, *CONVOLUTIONS, *RACES, *MODELS, *PROBLEMS, *FLOWS, *PICTURES, *OTHERS)
