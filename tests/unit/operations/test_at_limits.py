"""A limit is the largest that is accepted: equal passes, one more is refused by name."""

from typing import Any

import pytest

from service.errors import InputError, LimitExceeded
from service.operations.loaded import load
from service.operations.table import BY_NAME
from service.schemas.connectivity import CONNECTIVITY_EXAMPLE
from service.schemas.flows import FLOW_EXAMPLE
from service.schemas.problem import DESIGN_EXAMPLE
from service.schemas.slices import SLICE_EXAMPLE
from service.schemas.spectra import SPECTRUM_EXAMPLE
from service.settings import Limits

WIDE = {
    "problem": DESIGN_EXAMPLE,
    "axes": [{"parameter": "width", "from": 1, "to": 9, "points": 2}],
}
RACE = {"problem": DESIGN_EXAMPLE, "optimisers": ["gd", "adam"], "initialisations": ["xavier"], "runs": 3, "steps": 5}
BATCH = {"problem": DESIGN_EXAMPLE, "vary": {"decay_scale": [1.0, 2.0, 3.0]}, "return": ["loss"]}
SWEPT = {"problem": DESIGN_EXAMPLE, "axes": [{"parameter": "decay_scale", "from": 1, "to": 2, "points": 7}]}
# one hidden layer of four units on one input, with biases: 13 numbers; the design example has 8 + 64 + 8
CASES: dict[str, tuple[str, Any, str, int]] = {
    "weights of a picture": ("slices", SLICE_EXAMPLE, "max_picture_weights", 13),
    "points of a slice": ("slices", {**SLICE_EXAMPLE, "points": 5}, "max_slice_points", 25),
    "weights of a spectrum": ("spectra", SPECTRUM_EXAMPLE, "max_picture_weights", 13),
    "weights of a path": ("connectivity", CONNECTIVITY_EXAMPLE, "max_picture_weights", 13),
    "weights of a flow": ("gradient_flows", FLOW_EXAMPLE, "max_flow_weights", 40),
    "widths of a sweep": ("sweeps", WIDE, "max_width", 9),
    "points of a sweep": ("sweeps", SWEPT, "max_sweep_points", 7),
    "steps of a race": ("races", RACE, "max_race_steps", 30),
    "runs of a race": ("races", RACE, "max_race_runs", 6),
    "weights of a race": ("races", RACE, "max_race_weights", 80),
    "values of a batch": ("minima_batch", BATCH, "max_batch_values", 3),
    "layers": ("minima", DESIGN_EXAMPLE, "max_layers", 3),
    "inputs": ("gradient_flows", FLOW_EXAMPLE, "max_inputs", 2),
    "samples": ("gradient_flows", FLOW_EXAMPLE, "max_samples", 4),
}


def ask(operation: str, body: Any, limits: Limits) -> None:
    """Read a request and do with it what is done before anything runs; of small ones, all."""
    loaded = load(BY_NAME[operation])
    parsed = loaded.parse(body, limits)
    if loaded.work is not None and loaded.function is None:
        loaded.work.plan(parsed.request, limits)
    elif loaded.function is not None:
        loaded.function(parsed.request, limits, ())


@pytest.mark.parametrize("name", CASES)
def test_the_limit_itself_is_accepted_and_one_less_is_not_enough(name: str) -> None:
    operation, body, limit, value = CASES[name]
    room = {"max_width": 64} if limit != "max_width" else {}
    ask(operation, body, Limits(**{**room, limit: value}))
    with pytest.raises(LimitExceeded) as caught:
        ask(operation, body, Limits(**{**room, limit: value - 1}))
    assert caught.value.limit == limit
    assert caught.value.allowed == value - 1


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"input_noise": {"kind": "gaussian", "variance": 0.5}}, ("problem", "network")),
        ({"skips": [{"from": 0, "to": 3, "kind": "trainable"}]}, None),
    ],
    ids=["noise on the inputs", "a skip"],
)
def test_flows_say_which_part_of_a_network_they_do_not_follow(changes: Any, place: tuple[str, ...] | None) -> None:
    problem = FLOW_EXAMPLE["problem"]
    body = {"problem": {**problem, "network": {**problem["network"], **changes}}}
    if place is None:
        ask("gradient_flows", body, Limits())
        return
    with pytest.raises(InputError) as caught:
        ask("gradient_flows", body, Limits())
    assert caught.value.fields[0].location[: len(place)] == place
