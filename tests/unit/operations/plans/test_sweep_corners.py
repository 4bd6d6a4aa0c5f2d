"""Phase diagrams as they are asked for, corners included, against the same requests point by point."""

import copy
import json
from itertools import product
from typing import Any

import numpy as np
import pytest

from service.errors import InputError
from service.operations.minima import minima, parse
from service.operations.plans import sweeps
from service.operations.plans.running import run_here
from service.schemas.problem import DESIGN_EXAMPLE
from service.schemas.sweeps import DiagramRequest
from service.settings import Limits

LIMITS = Limits()


def drawn(rng: np.random.Generator) -> dict[str, Any]:
    """A problem of one or two outputs in any convention."""
    outputs, depth, n = int(rng.choice([1, 1, 2])), int(rng.integers(1, 4)), 12
    x = rng.normal(size=(n, 2))
    y = x @ rng.normal(size=(2, outputs)) + 0.3 * rng.normal(size=(n, outputs))
    # noise, several outputs and decay on some of the layers only is a problem that no solver covers
    least = 0.0 if outputs == 1 else 0.02
    layers = [
        {"width": int(rng.integers(1, 4)), "weight_decay": float(rng.choice([least, 0.01, 0.1]))} for _ in range(depth)
    ]
    network = {"layers": [*layers, {"width": outputs, "weight_decay": 0.05}]}
    convention = str(rng.choice(["mean", "half_mean", "sum", "half_sum", "torch"]))
    data = {"kind": "samples", "x": x.tolist(), "y": y.tolist()}
    return {"network": network, "data": data, "objective": {"convention": convention}}


def axis(rng: np.random.Generator, parameter: str, layers: int) -> dict[str, Any]:
    """One point or a few, from nothing, with equal ends, descending."""
    if parameter in ("width", "depth"):
        low = int(rng.integers(0 if parameter == "depth" else 1, 3))
        return {
            "parameter": parameter,
            "from": low,
            "to": low + int(rng.integers(3)),
            "points": int(rng.integers(1, 5)),
        }
    ends = [float(10.0 ** rng.uniform(-6.0, 3.0)) for _ in range(2)]
    corner = rng.integers(5)
    if corner == 0:
        ends[1] = ends[0]
    if corner in (1, 2):
        ends[0] = 0.0
    if corner == 3:
        ends = [0.0, 0.0]
    asked: dict[str, Any] = {"parameter": parameter, "from": ends[0], "to": ends[1], "points": int(rng.integers(1, 4))}
    if min(ends) > 0.0 and rng.integers(2):
        asked["spacing"] = str(rng.choice(["log", "linear"]))
    if parameter == "weight_decay" and rng.integers(2):
        asked["layer"] = int(rng.integers(1, layers + 1))
    return asked


def changed(problem: dict[str, Any], asked: dict[str, Any], value: float) -> dict[str, Any]:
    """The request of one point, written without the code that varies problems."""
    point = copy.deepcopy(problem)
    layers = point["network"]["layers"]
    parameter = asked["parameter"]
    if parameter == "depth":
        hidden, last = layers[:-1], layers[-1]
        kept = [dict(hidden[min(index, len(hidden) - 1)]) for index in range(round(value))]
        point["network"]["layers"] = [*kept, last]
        return point
    for index, layer in enumerate(layers):
        if parameter == "decay_scale":
            layer["weight_decay"] *= value
        elif parameter == "weight_decay" and asked.get("layer", index + 1) == index + 1:
            layer["weight_decay"] = value
        elif parameter == "width" and index + 1 < len(layers):
            layer["width"] = round(value)
        elif parameter == "noise_variance" and index + 1 < len(layers):
            layer["noise"] = {"kind": "gaussian", "variance": value}
    return point


@pytest.mark.parametrize("seed", range(100, 130))
def test_every_point_is_the_answer_of_its_own_request(seed: int) -> None:
    rng = np.random.default_rng(seed)
    problem = drawn(rng)
    layers = len(problem["network"]["layers"])
    names = ["depth", "weight_decay", "noise_variance", "width", "decay_scale"]
    # a depth comes first, since the others change what it copies
    chosen = sorted(rng.permutation(names)[: int(rng.integers(1, 3))].tolist(), key=names.index)
    axes = [axis(rng, name, layers) for name in chosen]
    if "depth" in chosen or problem["network"]["layers"][-1]["width"] > 1:
        for one in axes:
            one.pop("layer", None)
    request = DiagramRequest.model_validate({"problem": problem, "axes": axes, "return": ["loss", "norm", "rank"]})
    answer = run_here(sweeps.sweeps_plan(request, LIMITS), sweeps.WORK.functions)
    grid = list(product(*(told["values"].tolist() for told in answer["axes"])))
    assert len(grid) == answer["results"]["loss"].size
    for index, values in enumerate(grid):
        point = problem
        for asked, value in zip(axes, values, strict=True):
            point = changed(point, asked, value)
        single = minima(parse(json.loads(json.dumps(point))).request, LIMITS).global_minimum
        scale = float(np.sum(np.square(problem["data"]["y"])))
        assert answer["results"]["loss"][index] == pytest.approx(single.loss, rel=1e-9, abs=1e-11 * scale)
        assert answer["results"]["norm"][index] == pytest.approx(np.linalg.norm(single.singular_values), rel=1e-7)
        assert answer["results"]["rank"][index] == single.rank


@pytest.mark.parametrize("least", [0.0, 0.4, 0.5])
def test_a_width_that_rounds_to_none_is_refused(least: float) -> None:
    body = {"problem": DESIGN_EXAMPLE, "axes": [{"parameter": "width", "from": least, "to": 3, "points": 2}]}
    with pytest.raises(InputError) as caught:
        sweeps.WORK.plan(DiagramRequest.model_validate(body), LIMITS)
    assert [(each.location, each.detail) for each in caught.value.fields] == [
        (("axes", 0, "from"), "must be at least 1 for a width")
    ]


@pytest.mark.parametrize(("most", "refused"), [(0.4, False), (0.5, False), (0.6, True), (1.0, True)])
def test_a_depth_needs_a_layer_to_copy_only_where_it_rounds_to_one(most: float, refused: bool) -> None:
    network = {"layers": [{"width": 1, "weight_decay": 0.1}]}
    body = {
        "problem": {**DESIGN_EXAMPLE, "network": network},
        "axes": [{"parameter": "depth", "from": 0, "to": most, "points": 2}],
    }
    found: list[tuple[str | int, ...]] = []
    try:
        sweeps.WORK.plan(DiagramRequest.model_validate(body), LIMITS)
    except InputError as error:
        found = [each.location for each in error.fields]
    assert found == ([("axes", 0, "parameter")] if refused else [])
