"""Selections that are refused: what varies, its values, and folds that do not fit the data."""

from typing import Any, Final

from service.schemas.problem import DESIGN_EXAMPLE
from tests.contract.bad_input_elsewhere import Refused

DECAYED: Final = [{"width": 2, "weight_decay": 0.1}, {"width": 1, "weight_decay": 0.1}]
SAMPLES: Final = {"kind": "samples", "x": [[1.0], [2.0], [4.0], [3.0]], "y": [1.0, 2.0, 5.0, 3.0]}
ON_SAMPLES: Final = {"network": {"layers": DECAYED}, "data": SAMPLES}
MOMENTS: Final[dict[str, Any]] = {"kind": "moments", "xx": [[1.0]], "xy": [[0.5]], "yy": 1.0, "n": 4}
ON_MOMENTS: Final = {"network": {"layers": DECAYED}, "data": MOMENTS}
HALF: Final = {**MOMENTS, "n": 2}


def _selection(name: str, problem: Any, **more: Any) -> Refused:
    return Refused(f"selection: {name}", "/v1/selection", {"problem": problem, **more})


SELECTION: Final = (
    _selection("more folds than samples", ON_SAMPLES, folds=5),
    _selection("one fold", ON_SAMPLES, folds=1),
    _selection("all samples in one fold", ON_SAMPLES, folds=[3, 3, 3, 3]),
    _selection("folds of other samples", ON_SAMPLES, folds=[0, 1, 0]),
    _selection("data of folds beside samples", ON_SAMPLES, fold_data=[HALF, HALF]),
    _selection("more folds than have data", ON_MOMENTS, folds=3, fold_data=[HALF, HALF]),
    _selection("a fold without a number", ON_MOMENTS, fold_data=[HALF, {**HALF, "n": None}]),
    _selection("folds of other inputs", ON_MOMENTS, fold_data=[HALF, {**HALF, "xy": [[0.5, 0.5]]}]),
    _selection("folds that do not add up", ON_MOMENTS, fold_data=[HALF, {**HALF, "n": 3}]),
    _selection(
        "folds without means",
        {
            "network": {"layers": DECAYED, "bias": "output"},
            "data": {**MOMENTS, "x_mean": [0.0], "y_mean": [0.0]},
        },
        fold_data=[HALF, HALF],
    ),
    _selection("values and a grid", ON_SAMPLES, values=[1.0], grid={"from": 1, "to": 2}),
    _selection("no value", ON_SAMPLES, values=[]),
    _selection("a negative value", ON_SAMPLES, values=[-1.0]),
    _selection("a grid that ends before it starts", ON_SAMPLES, grid={"from": 2, "to": 1}),
    _selection("a log grid from zero", ON_SAMPLES, grid={"from": 0, "to": 1, "spacing": "log"}),
    _selection("half a unit", ON_SAMPLES, vary="width", values=[2, 2.5]),
    _selection("a width of zero", ON_SAMPLES, vary="width", grid={"from": 0, "to": 4}),
    _selection("a width beyond the limit", ON_SAMPLES, vary="width", values=[10**8]),
    _selection("too many values", ON_SAMPLES, grid={"from": 1, "to": 2, "points": 10**7}),
    _selection(
        "a decay beyond double precision",
        {**ON_SAMPLES, "objective": {"convention": "half_mean"}},
        vary="weight_decay",
        values=[1e308],
    ),
    _selection(
        "a decay scale where nothing decays",
        {"network": {"layers": [{"width": 1}]}, "data": SAMPLES},
        vary="decay_scale",
    ),
    _selection(
        "a width without hidden layers",
        {"network": {"layers": [{"width": 1, "weight_decay": 0.1}]}, "data": SAMPLES},
        vary="width",
    ),
    _selection(
        "decayed biases",
        {
            "network": {"layers": [{"width": 1, "weight_decay": 0.1}], "bias": "output"},
            "data": SAMPLES,
            "objective": {"convention": "torch"},
        },
    ),
    _selection("exact leave-one-out without samples", ON_MOMENTS, loo="exact"),
    _selection("another loss", {**ON_SAMPLES, "objective": {"loss": "absolute"}}),
    _selection("no data", {"network": {"layers": DECAYED}, "data": {"kind": "none", "inputs": 1}}),
    _selection("a parameter that nothing is selected by", DESIGN_EXAMPLE, vary="depth"),
)
