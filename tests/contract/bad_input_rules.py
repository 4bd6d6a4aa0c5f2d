"""More requests that are refused: one for each rule of an operation that no other case of bad input reaches.

`tests/architecture/test_refusals.py` finds the rules whose words no case shows.
"""

from typing import Any, Final

from service.schemas.connectivity import CONNECTIVITY_EXAMPLE
from service.schemas.diagnose import DIAGNOSE_EXAMPLE
from service.schemas.generated import GENERATED_EXAMPLE
from service.schemas.problem import DESIGN_EXAMPLE
from service.schemas.slices import SLICE_EXAMPLE
from service.schemas.spectra import SPECTRUM_EXAMPLE
from tests.contract.bad_input_compression import COMPRESSION
from tests.contract.bad_input_elsewhere import Refused
from tests.contract.bad_input_selection import SELECTION

ONE: Final = {"network": {"layers": [{"width": 1}]}}
SAMPLES: Final = {"kind": "samples", "x": [[1.0], [2.0], [4.0]], "y": [1.0, 2.0, 5.0]}
LABELLED: Final = {**SAMPLES, "y": [0, 1, 1], "task": "classification"}
TWO_TARGETS: Final = {**SAMPLES, "y": [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]}
NONE: Final = {"kind": "none", "inputs": 1}
FACTOR: Final[dict[str, Any]] = {
    "kind": "factor",
    "n": 3,
    "x_mean": [0.5],
    "y_mean": [0.25, 0.75],
    "scale": [1.0, 1.0, 1.0],
    "r": [[1.0, 0.5, 0.5], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
}
MOMENTS: Final = {"kind": "moments", "xx": [[1.0]], "xy": [[0.5]], "yy": 1.0}
WEIGHTED: Final = {"loss": "weighted_squared", "weights": [1.0]}
DROPOUT: Final = {"kind": "dropout", "rate": 0.5}
RELU: Final = {"width": 3, "activation": "relu"}
TWO: Final = [{"width": 2}]
TWO_LAYERS: Final = [{"width": 2}, {"width": 1}]
DECAYED_RELU: Final = [{**RELU, "weight_decay": 0.1}, {"width": 1, "weight_decay": 0.1}]


def _asked(path: str, name: str, data: Any, *, layers: Any = None, **more: Any) -> Refused:
    network = {"layers": layers or [{"width": 1}], **more.pop("network", {})}
    return Refused(name, path, {"network": network, "data": data, **more})


def _relu(name: str, data: Any, **more: Any) -> Refused:
    problem = {"network": {"layers": DECAYED_RELU}, "data": data, **more}
    return Refused(f"certified ReLU minima: {name}", "/v1/relu-minima", {"problem": problem})


def _minima(name: str, data: Any, **more: Any) -> Refused:
    return _asked("/v1/minima", f"minima: {name}", data, **more)


def _ranks(name: str, data: Any, **more: Any) -> Refused:
    return _asked("/v1/ranks", f"ranks: {name}", data, **more)


def _of(path: str, name: str, problem: dict[str, Any], **more: Any) -> Refused:
    return Refused(name, path, {"problem": problem, **more})


DATA: Final = (
    _minima("a factor without classes as classification", {**FACTOR, "task": "classification"}, layers=[{"width": 2}]),
    _minima("more outputs than classes of a factor", {**FACTOR, "classes": [0, 1]}, layers=[{"width": 3}]),
    _minima("more classes of a factor than targets", {**FACTOR, "classes": [0, 1, 2]}, layers=[{"width": 3}]),
    _minima("classes of a factor that descend", {**FACTOR, "classes": [1, 0]}, layers=[{"width": 2}]),
    _minima("a class of a factor twice", {**FACTOR, "classes": [1, 1]}, layers=[{"width": 2}]),
    _minima(
        "classes of targets that are not one-hot",
        {**FACTOR, "classes": [0, 1], "y_mean": [0.5, 0.75]},
        layers=[{"width": 2}],
    ),
    _minima("a factor of one sample that deviates", {**FACTOR, "n": 1}, layers=[{"width": 2}]),
    _minima("a factor that is not square", {**FACTOR, "r": [[1.0, 0.5, 0.5]]}, layers=[{"width": 2}]),
    _minima(
        "a factor whose column leaves double precision",
        {**FACTOR, "r": [[1e200, 0.5, 0.5], *FACTOR["r"][1:]], "scale": [1e200, 1.0, 1.0]},
        layers=[{"width": 2}],
    ),
    _minima(
        "held-out classes that the data do not have",
        {**FACTOR, "classes": [0, 1], "evaluation": {**FACTOR, "classes": [0, 2]}},
        layers=[{"width": 2}],
    ),
    _minima("held-out moments beside labels", {**LABELLED, "evaluation": MOMENTS}, layers=[{"width": 2}]),
    _minima(
        "a held-out factor without classes beside labels",
        {**LABELLED, "evaluation": FACTOR},
        layers=[{"width": 2}],
    ),
    _minima("other outputs held out", {**SAMPLES, "evaluation": TWO_TARGETS}),
    _minima("two columns of labels", {**LABELLED, "y": [[0, 1], [1, 0], [1, 1]]}, layers=[{"width": 2}]),
    _minima("held-out data beside weights of the error", {**SAMPLES, "evaluation": SAMPLES}, objective=WEIGHTED),
)
SIZES: Final = (
    _minima("targets of 1e200", {**SAMPLES, "y": [1e200, 2e200, 3e200]}),
    _minima(
        "held-out inputs of 1e300 beside inputs of 1e-300",
        {**SAMPLES, "x": [[1e-300], [2e-300], [4e-300]], "evaluation": {**SAMPLES, "x": [[1e300]] * 3}},
    ),
    Refused(
        "diagnoses: inputs of 1e200",
        "/v1/diagnose",
        {
            "network": {"layers": [{"width": 1, "weight_decay": 0.1}]},
            "data": {**SAMPLES, "x": [[1e200], [2e200], [4e200]]},
            "weights": [[[1.0]]],
        },
    ),
)
LOSSES: Final = (
    _ranks("two outputs of a loss for two classes", SAMPLES, layers=[{"width": 2}], objective={"loss": "logistic"}),
    _ranks("one output of cross-entropy", SAMPLES, objective={"loss": "cross_entropy"}),
    _ranks("a label that is neither -1 nor +1", {**SAMPLES, "y": [1, -1, 0]}, objective={"loss": "logistic"}),
    _ranks("a label that is neither 0 nor 1", {**SAMPLES, "y": [1, 0, 2]}, objective={"loss": "logistic"}),
    _ranks(
        "rows that do not add up to 1",
        {**SAMPLES, "y": [[1.0, 0.0], [0.5, 0.6], [0.0, 1.0]]},
        layers=[{"width": 2}],
        objective={"loss": "cross_entropy"},
    ),
    _ranks(
        "a probability below zero",
        {**SAMPLES, "y": [[1.0, 0.0], [-0.5, 1.5], [0.0, 1.0]]},
        layers=[{"width": 2}],
        objective={"loss": "cross_entropy"},
    ),
    _ranks("labels of one class", {**SAMPLES, "y": [1, 1, 1]}, objective={"loss": "logistic"}),
    _ranks(
        "probabilities of classes that are not one-hot",
        {**SAMPLES, "y": [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]},
        layers=[{"width": 2}],
        objective={"loss": "cross_entropy"},
    ),
    _minima("flatness of a ReLU network", SAMPLES, layers=DECAYED_RELU, include=["flatness"]),
    _ranks("a loss that only ReLU networks have", SAMPLES, objective={"loss": "huber"}),
    _minima("a loss of one layer for two", SAMPLES, layers=[{"width": 2}, {"width": 1}], objective={"loss": "huber"}),
    _minima(
        "held-out data under another loss",
        {**LABELLED, "evaluation": {"kind": "samples", "x": [[1.0]], "y": [1]}},
        objective={"loss": "logistic"},
    ),
    _ranks("a missing target", {**SAMPLES, "y": [1.0, None, 5.0]}),
    _minima("a missing target and a hidden layer", {**SAMPLES, "y": [1.0, None, 5.0]}, layers=TWO_LAYERS),
    _minima("a missing target under another loss", {**SAMPLES, "y": [1.0, None, 5.0]}, objective={"loss": "huber"}),
    _minima("a missing label", {**LABELLED, "y": [0, None, 1]}),
    _minima("a missing input", {**SAMPLES, "x": [[1.0], [None], [4.0]]}),
    _minima("a missing target beside standardised ones", {**SAMPLES, "y": [1.0, None, 5.0], "standardise": True}),
    _minima(
        "a missing target beside held-out data",
        {**SAMPLES, "y": [1.0, None, 5.0], "evaluation": {"kind": "samples", "x": [[1.0]], "y": [1.0]}},
    ),
    _minima(
        "a missing held-out target",
        {**SAMPLES, "evaluation": {"kind": "samples", "x": [[1.0], [2.0]], "y": [1.0, None]}},
    ),
    _minima("a sample without a target", {**TWO_TARGETS, "y": [[1.0, 2.0], [None, None], [None, 1.0]]}, layers=TWO),
    _minima("an output without a target", {**TWO_TARGETS, "y": [[1.0, None], [2.0, None], [3.0, None]]}, layers=TWO),
    _relu("a negative count", {**SAMPLES, "y": [1.0, -2.0, 5.0]}, objective={"loss": "poisson"}),
    _relu("half of an absolute error", SAMPLES, objective={"loss": "absolute", "convention": "half_mean"}),
    Refused(
        "certified ReLU minima: a path that goes down",
        "/v1/relu-minima",
        {"problem": {"network": {"layers": DECAYED_RELU}, "data": SAMPLES}, "path": {"from": 0.1, "to": 0.01}},
    ),
    _relu("a quantile of squared errors", SAMPLES, objective={"tau": 0.5}),
    _ranks("two outputs of two classes, without data", NONE, layers=[{"width": 2}], objective={"loss": "logistic"}),
)
NETWORKS: Final = (
    _ranks(
        "a frozen convolution",
        {"kind": "none", "inputs": 8},
        layers=[
            {"width": 8, "kind": "conv", "kernel": [3], "channels": 2, "frozen_weights": [[0.0] * 8] * 8},
            {"width": 1},
        ],
    ),
    _ranks(
        "a skip beside a convolution",
        {"kind": "none", "inputs": 8},
        layers=[{"width": 8, "kind": "conv", "kernel": [3], "channels": 2}, {"width": 1}],
        network={"skips": [{"from": 0, "to": 1, "kind": "identity"}]},
    ),
    _asked(
        "/v1/landscape",
        "landscapes: a linear autoencoder",
        MOMENTS,
        network={"model": "linear_vae", "latent": 1},
    ),
    _asked(
        "/v1/landscape",
        "landscapes: a skip that decays",
        MOMENTS,
        network={"skips": [{"from": 0, "to": 1, "kind": "trainable", "weight_decay": 0.1}]},
    ),
    _minima(
        "a bias of a frozen layer",
        SAMPLES,
        layers=[{"width": 1, "frozen_weights": [[1.0]]}, {"width": 1}],
        network={"bias": "hidden"},
    ),
    _minima(
        "an autoencoder whose biases decay",
        {**MOMENTS, "x_mean": [0.0], "y_mean": [0.0]},
        network={"model": "linear_vae", "latent": 1, "bias": "all", "bias_weight_decay": 0.1},
    ),
    Refused(
        "ranks: weights of a skip without weights",
        "/v1/ranks",
        {
            "problem": {
                "network": {"layers": [{"width": 1}] * 2, "skips": [{"from": 0, "to": 1, "kind": "identity"}]},
                "data": SAMPLES,
            },
            "snapshots": [{"weights": [[[1.0]], [[1.0]]], "skips": [[[1.0]]]}],
        },
    ),
    Refused(
        "ranks: a trained skip without weights",
        "/v1/ranks",
        {
            "problem": {
                "network": {"layers": [{"width": 1}] * 2, "skips": [{"from": 0, "to": 1, "kind": "trainable"}]},
                "data": SAMPLES,
            },
            "snapshots": [{"weights": [[[1.0]], [[1.0]]], "skips": {}}],
        },
    ),
    Refused(
        "ranks: a bias of a layer without bias",
        "/v1/ranks",
        {"problem": {**ONE, "data": SAMPLES}, "snapshots": [{"weights": [[[1.0]]], "biases": [[1.0]]}]},
    ),
    Refused(
        "ranks: a snapshot by names without a matrix",
        "/v1/ranks",
        {
            "problem": {"network": {"layers": [{"width": 1}] * 2}, "data": SAMPLES},
            "snapshots": [{"weights": {"1": [[1.0]]}}],
        },
    ),
)
POINTS: Final = (
    Refused("diagnoses: no data", "/v1/diagnose", {**ONE, "data": NONE, "weights": [[[1.0]]]}),
    Refused(
        "diagnoses: a layer of 10^6 neurons",
        "/v1/diagnose",
        {"network": {"layers": [{"width": 10**6}, {"width": 1}]}, "data": MOMENTS, "weights": [[[1.0]], [[1.0]]]},
    ),
    Refused("diagnoses: too few biases", "/v1/diagnose", {**DIAGNOSE_EXAMPLE, "biases": []}),
    Refused(
        "diagnoses: factors that do not make a matrix",
        "/v1/diagnose",
        {
            **ONE,
            "data": MOMENTS,
            "weights": [{"left": [[1.0]], "values": [1.0], "right": [[1.0]], "shape": [1, 2]}],
        },
    ),
)
FLOWS: Final = (
    _of("/v1/gradient-flows", "flows: weights of the error", {**ONE, "data": SAMPLES, "objective": WEIGHTED}),
    _of(
        "/v1/gradient-flows",
        "flows: noise in a network that bends",
        {"network": {"layers": [{**RELU, "noise": DROPOUT}, {"width": 1}]}, "data": SAMPLES},
    ),
    _of(
        "/v1/gradient-flows",
        "flows: noise on the inputs under another loss",
        {
            "network": {"layers": [{"width": 1}], "input_noise": DROPOUT},
            "data": {**SAMPLES, "y": [1, -1, -1]},
            "objective": {"loss": "logistic"},
        },
    ),
    _of(
        "/v1/gradient-flows",
        "flows: a scheme beside skips",
        {
            "network": {"layers": [{"width": 2}, {"width": 1}], "skips": [{"from": 0, "to": 2, "kind": "trainable"}]},
            "data": SAMPLES,
        },
        initialisation="xavier",
    ),
    _of(
        "/v1/gradient-flows",
        "flows: a linear network under another loss, without samples",
        {**ONE, "data": NONE, "objective": {"loss": "logistic"}},
    ),
)
FROZEN: Final = [{"width": 1, "frozen_weights": [[1.0]]}, {"width": 1}]
NARROW: Final = {"network": {"layers": [RELU, {"width": 1}]}, "data": SAMPLES}
DRAWN: Final = (
    _of(
        "/v1/slices", "slices: a trajectory beside a line", {**ONE, "data": SAMPLES}, kind="line", trajectory="training"
    ),
    _of("/v1/slices", "slices: the axes of no trajectory", {**ONE, "data": SAMPLES}, axes_from="trajectory"),
    _of(
        "/v1/slices",
        "slices: the length of directions that have the trajectory's",
        {**ONE, "data": SAMPLES},
        axes_from="trajectory",
        trajectory="training",
        normalisation="unit",
    ),
    _of(
        "/v1/slices",
        "slices: the training of a point that is given",
        {**ONE, "data": SAMPLES},
        at="origin",
        trajectory="training",
    ),
    _of("/v1/slices", "slices: no points of a trajectory", {**ONE, "data": SAMPLES}, trajectory=[]),
    _of("/v1/slices", "slices: no data", {**ONE, "data": NONE}),
    _of(
        "/v1/slices",
        "slices: a skip",
        {
            "network": {"layers": [{"width": 1}] * 2, "skips": [{"from": 0, "to": 1, "kind": "identity"}]},
            "data": SAMPLES,
        },
    ),
    _of("/v1/slices", "slices: a frozen layer", {"network": {"layers": FROZEN}, "data": SAMPLES}),
    _of("/v1/slices", "slices: weights of the error", {**ONE, "data": SAMPLES, "objective": WEIGHTED}),
    _of(
        "/v1/slices",
        "slices: a nonlinear network with noise on its inputs",
        {**NARROW, "network": {"layers": [RELU, {"width": 1}], "input_noise": DROPOUT}},
    ),
    _of(
        "/v1/slices",
        "slices: too many samples for so many weights",
        {
            "network": {"layers": [{**RELU, "width": 60_000}, {"width": 1}]},
            "data": {**SAMPLES, "x": [[1.0]] * 5_000, "y": [1.0] * 5_000},
        },
    ),
    Refused(
        "slices: an interpolation with random directions",
        "/v1/slices",
        {**SLICE_EXAMPLE, "kind": "interpolation", "normalisation": "filter"},
    ),
    _of(
        "/v1/slices",
        "slices: a stationary point of several outputs",
        {
            "network": {"layers": [{"width": 2, "weight_decay": 0.1}] * 2},
            "data": {"kind": "moments", "xx": [[1.0, 0.0], [0.0, 2.0]], "xy": [[0.5, 0.0], [0.0, 0.5]], "yy": 2.0},
        },
        at=1,
    ),
    Refused(
        "spectra: exact, of too many weights",
        "/v1/spectra",
        {
            **SPECTRUM_EXAMPLE,
            "problem": {"network": {"layers": [{"width": 10_000}, {"width": 1}]}, "data": SAMPLES},
            "method": "exact",
        },
    ),
    Refused(
        "connectivity: widths without a hidden layer",
        "/v1/connectivity",
        {**CONNECTIVITY_EXAMPLE, "problem": {**ONE, "data": SAMPLES}, "widths": [2]},
    ),
    Refused(
        "races: too many steps",
        "/v1/races",
        {"problem": DESIGN_EXAMPLE, "optimisers": ["gd"], "runs": 1000, "steps": 10**6},
    ),
)


def _sweep(name: str, *axes: dict[str, Any], problem: Any = DESIGN_EXAMPLE, **more: Any) -> Refused:
    return Refused(f"sweeps: {name}", "/v1/sweeps", {"problem": problem, "axes": list(axes), **more})


def _axis(parameter: str, start: float, end: float, **more: Any) -> dict[str, Any]:
    return {"parameter": parameter, "from": start, "to": end, "points": 2, **more}


DECAY: Final = _axis("weight_decay", 0.1, 1.0)
RELU_SWEPT: Final = {"network": {"layers": DECAYED_RELU}, "data": SAMPLES}
SWEEPS: Final = (
    _sweep("one parameter on both axes", DECAY, DECAY),
    _sweep("a layer of a width", _axis("width", 1, 2, layer=1)),
    _sweep("units of a linear network", DECAY, **{"return": ["units"]}),
    _sweep("a width of zero", _axis("width", 0, 2)),
    _sweep("the depth of a network without hidden layers", _axis("depth", 0, 1), problem={**ONE, "data": SAMPLES}),
    _sweep("a layer that is not always there", _axis("depth", 0, 2), {**DECAY, "layer": 2}),
    _sweep("a layer beyond the last", {**DECAY, "layer": 9}),
    _sweep("held-out fits without held-out data", DECAY, **{"return": ["evaluation_fit"]}),
    _sweep("no data", DECAY, problem={**ONE, "data": NONE}),
    _sweep("the width of a ReLU network", _axis("width", 1, 2), problem=RELU_SWEPT),
    _sweep("two decays of a ReLU network", DECAY, _axis("weight_decay", 1, 2), problem=RELU_SWEPT),
    _sweep("a ReLU network down to no decay", _axis("decay_scale", 0, 2), problem=RELU_SWEPT),
    _sweep("ranks of a ReLU network", DECAY, problem=RELU_SWEPT, **{"return": ["rank"]}),
    _sweep("a width beyond the limit", _axis("width", 1, 1e8)),
    _sweep("a depth beyond the limit", _axis("depth", 0, 1000)),
    Refused(
        "batches: held-out fits without held-out data",
        "/v1/minima/batch",
        {"problem": DESIGN_EXAMPLE, "vary": {"decay_scale": [1.0]}, "return": ["evaluation_fit"]},
    ),
)
OTHERS: Final = (
    Refused("test problems: too many numbers", "/v1/problems", {**GENERATED_EXAMPLE, "samples": 10**6}),
    Refused(
        "diagnoses: biases of 1e200",
        "/v1/diagnose",
        {
            "network": {"layers": [{"width": 1, "weight_decay": 0.1}], "bias": "all"},
            "data": SAMPLES,
            "weights": [[[1.0]]],
            "biases": [[1e200]],
        },
    ),
    _minima(
        "an autoencoder of two layers",
        MOMENTS,
        layers=[{"width": 1}] * 2,
        network={"model": "linear_vae", "latent": 1},
    ),
)
RULES: Final = (*DATA, *SIZES, *LOSSES, *NETWORKS, *POINTS, *FLOWS, *DRAWN, *SWEEPS, *SELECTION, *COMPRESSION, *OTHERS)
