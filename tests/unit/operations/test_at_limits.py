"""A limit is the largest that is accepted: equal passes, one more is refused by name."""

from typing import Any

import pytest

from service.errors import InputError, LimitExceeded
from service.operations.loaded import examples_of, load, requests_of
from service.operations.table import BY_NAME, OPERATIONS
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
GENERATED = {"inputs": 4, "outputs": 3, "hidden_widths": [4, 4], "samples": 20, "singular_values": [2.0, 1.0]}
DIAGNOSED = {
    "problem": {
        "network": {"layers": [{"width": 6}, {"width": 1}]},
        "data": {"kind": "moments", "xx": [[1.0]], "xy": [[0.9]], "yy": 1.0},
    },
    "weights": [[[0.1]] * 6, [[0.2] * 6]],
}
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
    "inputs of a generated problem": ("generate_problem", GENERATED, "max_inputs", 4),
    "outputs of a generated problem": ("generate_problem", {**GENERATED, "outputs": 5}, "max_outputs", 5),
    "layers of a generated problem": ("generate_problem", GENERATED, "max_layers", 3),
    "numbers of a generated problem": ("generate_problem", GENERATED, "max_returned_numbers", 140),
    "neurons of a diagnosis": ("diagnose", DIAGNOSED, "max_inputs", 6),
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
    (error,) = caught.value.fields
    assert error.location
    assert error.detail.startswith(f"exceeds the limit {limit} = {value - 1:g} ")
    assert error.detail == error.detail.lower()
    assert caught.value.allowed == value - 1


TIMED = [
    row.name
    for row in OPERATIONS
    if row.is_posted and row.work is None and all("time_limit_s" in each.model_fields for each in requests_of(row))
]


@pytest.mark.parametrize("operation", TIMED)
def test_the_time_of_the_server_itself_may_be_asked_for_and_no_more(operation: str) -> None:
    body = next(iter(examples_of(BY_NAME[operation]).values()))
    limits = Limits(max_seconds=30.0)
    ask(operation, {**body, "time_limit_s": 30.0}, limits)
    with pytest.raises(LimitExceeded) as caught:
        ask(operation, {**body, "time_limit_s": 30.001}, limits)
    (error,) = caught.value.fields
    assert (caught.value.limit, error.location) == ("max_seconds", ("time_limit_s",))
    assert error.detail == "exceeds the limit max_seconds = 30 seconds"


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
