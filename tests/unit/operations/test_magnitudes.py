"""Decays, noise and parameters from 1e-320 to 1e308: an answer, or the field and the greatest magnitude; no 500."""

import re
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any, Final, TypeAlias, TypeVar

import numpy as np
import pytest

from service.core.ground.problems import Layer, Network
from service.errors import FieldError, InputError, Location, NotCovered
from service.operations.batches import Batch, parse_batch
from service.operations.diagnose import diagnose
from service.operations.diagnose import parse as parse_diagnosis
from service.operations.landscape import landscape
from service.operations.landscape import parse as parse_landscape
from service.operations.magnitudes import GREATEST, greatest_value
from service.operations.minima import minima, parse
from service.operations.minima_batch import minima_sweep, minima_table
from service.operations.plans import sweeps
from service.operations.plans.running import run_here
from service.schemas.batch import ProblemsHeader, VariedRequest
from service.schemas.sweeps import DiagramRequest
from service.settings import Limits
from service.vocabulary import SweepParameter

Body: TypeAlias = dict[str, Any]
T = TypeVar("T")
LIMITS = Limits()
RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3))
WHITE = np.linalg.qr(X - X.mean(axis=0))[0] * np.sqrt(12)
Y = X @ RNG.normal(size=(3, 2)) + 0.3 * RNG.normal(size=(12, 2))

ANY_SIZE: Final = (1e-320, 3e-308, 1e-200, 1e-20, 1e20, 1e100, 1e155, 1e160, 1e220, 1e300, 1.7e308)
ORDINARY: Final = tuple(value for value in ANY_SIZE if 1e-20 <= value <= 1e100)


def body(widths: list[int], x: Any = X, y: Any = Y, **network: Any) -> Body:
    layers = [{"width": width, "weight_decay": 0.1} for width in widths]
    return {
        "network": {"layers": layers, **network},
        "data": {"kind": "samples", "x": x.tolist(), "y": y.tolist()},
        "objective": {"convention": "mean"},
    }


def decayed(one: Body, value: float, which: int | None = None) -> Body:
    for index, layer in enumerate(one["network"]["layers"]):
        if which is None or which == index:
            layer["weight_decay"] = value
    return one


def noisy(one: Body, value: float, decay: float = 0.1) -> Body:
    for layer in one["network"]["layers"]:
        layer["weight_decay"] = decay
    for layer in one["network"]["layers"][:-1]:
        layer["noise"] = {"kind": "gaussian", "variance": value}
    return one


def features(feature_decay: float, head_decay: float) -> Body:
    layers = [{"width": 4, "weight_decay": head_decay}, {"width": 3, "weight_decay": head_decay}]
    network = {"model": "unconstrained_features", "class_counts": [5, 3, 2], "feature_weight_decay": feature_decay}
    return {"network": {**network, "layers": layers}, "data": {"kind": "none", "inputs": 4}}


def autoencoder(**parameters: float) -> Body:
    return {
        **body([2], model="linear_vae", latent=2, **parameters),
        "network": {"model": "linear_vae", "latent": 2, "layers": [{"width": 2}], **parameters},
    }


def skipping(value: float) -> Body:
    return body([3, 2], skips=[{"from": 0, "to": 2, "kind": "trainable", "weight_decay": value}])


def told_otherwise(value: float, convention: str) -> Body:
    return {**decayed(body([3, 3, 1], y=Y[:, :1]), value), "objective": {"convention": convention}}


NOISE = {"kind": "gaussian"}
DECAYS: Final[dict[str, Callable[[float], Body]]] = {
    "one output, no hidden layer": lambda value: decayed(body([1], y=Y[:, :1]), value),
    "one output, one hidden layer": lambda value: decayed(body([3, 1], y=Y[:, :1]), value),
    "one output, three layers": lambda value: decayed(body([3, 3, 1], y=Y[:, :1]), value),
    "one output, one layer of three": lambda value: decayed(body([3, 3, 1], y=Y[:, :1]), value, which=0),
    "one output, a sum over samples": lambda value: told_otherwise(value, "sum"),
    "one output, torch": lambda value: told_otherwise(value, "torch"),
    "white, two layers": lambda value: decayed(body([3, 2], WHITE), value),
    "white, five layers": lambda value: decayed(body([3, 3, 3, 3, 2], WHITE), value),
    "general, two layers": lambda value: decayed(body([3, 2]), value),
    "general, one layer of two": lambda value: decayed(body([3, 2]), value, which=0),
    "general, three layers": lambda value: decayed(body([3, 3, 2]), value),
    "general, bottleneck": lambda value: decayed(body([3, 1, 2, 2]), value),
    "general, biases": lambda value: decayed(body([3, 2], bias="all"), value),
    "autoencoder": lambda value: decayed(body([2, 3], y=X), value),
    "skip": skipping,
    "features": lambda value: features(value, 0.01),
    "head of features": lambda value: features(0.01, value),
}
NOISES: Final[dict[str, Callable[[float], Body]]] = {
    "one output, one hidden layer": lambda value: noisy(body([3, 1], y=Y[:, :1]), value),
    "one output, two hidden layers": lambda value: noisy(body([3, 3, 1], y=Y[:, :1]), value),
    "one output, undecayed": lambda value: noisy(body([3, 3, 3, 1], y=Y[:, :1]), value, decay=0.0),
    "one output, output bias": lambda value: noisy(body([3, 3, 1], y=Y[:, :1], bias="output"), value),
    "general, one noisy layer": lambda value: noisy(body([3, 2]), value, decay=0.0),
    "general, output bias": lambda value: noisy(body([3, 2], bias="output"), value, decay=0.0),
    "white, decayed": lambda value: noisy(body([3, 2], WHITE), value),
    "general, two noisy layers": lambda value: noisy(body([3, 3, 2]), value),
    "on the inputs": lambda value: body([3, 1], y=Y[:, :1], input_noise={**NOISE, "variance": value}),
    "on the inputs of several outputs": lambda value: body([3, 2], input_noise={**NOISE, "variance": value}),
}
OTHERS: Final[dict[str, Callable[[float], Body]]] = {
    "bias decay": lambda value: body([3, 1], y=Y[:, :1], bias="all", bias_weight_decay=value),
    "bias decay, several outputs": lambda value: body([3, 2], bias="output", bias_weight_decay=value),
    "beta": lambda value: autoencoder(beta=value),
    "decoder variance": lambda value: autoencoder(decoder_variance=value),
}
KINDS: Final = {
    **{f"decay: {name}": make for name, make in DECAYS.items()},
    **{f"noise: {name}": make for name, make in NOISES.items()},
    **OTHERS,
}
SLOW: Final = ("noise: general, two noisy layers", "decay: general, bottleneck")
SOME_SIZES: Final = (1e-200, 1e20, 1e160, 1.7e308)
FIELDS: Final = ("weight_decay", "noise", "input_noise", "bias_weight_decay", "feature_weight_decay", "beta",
                 "decoder_variance")  # fmt: skip


def names_a_magnitude(problem: FieldError) -> bool:
    return problem.location[-1] in FIELDS and re.search(r"\d(\.\d+)?e[+-]\d+", problem.detail) is not None


def outcome(call: Callable[[], T]) -> T | InputError | NotCovered:
    """What came back, or the error that tells the caller what to change; any other error passes through."""
    try:
        return call()
    except (InputError, NotCovered) as error:
        return error


@pytest.mark.parametrize("kind", KINDS)
def test_any_magnitude_is_answered_or_refused_by_its_field(kind: str) -> None:
    answered = set()
    values = ANY_SIZE if kind not in SLOW else SOME_SIZES
    for value in values:
        found = outcome(partial(minima, parse(KINDS[kind](value)).request, LIMITS))
        if isinstance(found, InputError):
            assert found.fields, value
            assert all(map(names_a_magnitude, found.fields)), (value, found.fields)
        elif isinstance(found, NotCovered):
            assert kind.startswith("bias decay"), value
        else:
            assert np.isfinite([found.global_minimum.loss, found.certificate.lower_bound]).all()
            answered.add(value)
    assert kind.startswith("bias decay") or set(ORDINARY) & set(values) <= answered


def test_noise_far_beyond_what_is_named_is_answered_where_nothing_overflows() -> None:
    for value in (1e155, 1e300):
        answer = minima(parse(NOISES["one output, two hidden layers"](value)).request, LIMITS)
        assert answer.global_minimum.trivial
        assert minima(parse(DECAYS["one output, three layers"](value)).request, LIMITS).global_minimum.trivial


@pytest.mark.parametrize("make", [NOISES["one output, output bias"], DECAYS["skip"], OTHERS["decoder variance"]])
def test_what_is_named_is_answered(make: Callable[[float], Body]) -> None:
    refused = [outcome(partial(minima, parse(make(value)).request, LIMITS)) for value in (1e-300, 1e300)]
    errors = [error for error in refused if isinstance(error, InputError)]
    assert errors
    for error in errors:
        told = re.search(r"(up to|from) (\S+)", error.fields[0].detail)
        assert told is not None
        assert np.isfinite(minima(parse(make(float(told[2]))).request, LIMITS).certificate.lower_bound)


def test_the_convention_is_the_callers() -> None:
    """Sums over twelve samples: the core's decay is a twelfth of the caller's."""
    with pytest.raises(InputError) as caught:
        minima(parse(told_otherwise(1e-307, "sum")).request, LIMITS)
    told = re.search(r"or (\S+) to (\S+)", caught.value.fields[0].detail)
    assert told is not None
    for end in (float(told[1]), 1e-2 * float(told[2])):
        minima(parse(told_otherwise(end, "sum")).request, LIMITS)


def batch(bodies: list[Body], **options: Any) -> Batch:
    parsed = parse_batch({"problems": bodies, **options}, LIMITS).request
    assert isinstance(parsed, Batch)
    return parsed


def test_a_batch_says_which_problem() -> None:
    good, bad = NOISES["one output, one hidden layer"](1.0), NOISES["one output, output bias"](1e200)
    for kind in ([good, bad], [good] * 8 + [bad]):
        header = minima_table(batch(kind, **{"return": ["loss"]}), LIMITS).header
        assert isinstance(header, ProblemsHeader)
        assert header.refused is not None
        (refused,) = header.refused
        assert refused.index == len(kind) - 1
        at = f"/problems/{refused.index}/network/layers"
        assert [item.pointer for item in refused.errors or []] == [f"{at}/0/noise", f"{at}/1/noise"]


def swept(one: Body, parameter: str, values: list[float]) -> Any:
    asked = {"problem": one, "vary": {parameter: values}, "return": ["loss", "noise", "norm"]}
    return minima_sweep(VariedRequest.model_validate(asked), LIMITS)


def grid(one: Body, axes: list[Body]) -> Any:
    asked = DiagramRequest.model_validate({"problem": one, "axes": axes, "return": ["loss", "noise", "norm"]})
    return run_here(sweeps.sweeps_plan(asked, LIMITS), sweeps.WORK.functions)


def axis(parameter: str, top: float) -> Body:
    return {"parameter": parameter, "from": 0.0, "to": top, "points": 3}


def assert_finite_or_refused(found: Any, columns: Callable[[Any], Any], at: Location) -> None:
    if isinstance(found, InputError):
        assert [problem.location for problem in found.fields] == [at]
        assert re.search(r"\d(\.\d+)?e[+]\d+", found.fields[0].detail)
    else:
        assert all(np.isfinite(column).all() for column in columns(found).values())


@pytest.mark.parametrize("parameter", ["decay_scale", "weight_decay", "noise_variance"])
@pytest.mark.parametrize("name", ["one output, two hidden layers", "one output, output bias", "white, decayed"])
@pytest.mark.parametrize("value", [0.0, 1e-320, 1e-300, 1e-20, 1e100, 1e155, 1e200, 1e300, 1.7e308])
def test_sweeps_of_any_magnitude(parameter: str, name: str, value: float) -> None:
    one = NOISES[name](0.5)
    column, table = (
        outcome(lambda: swept(one, parameter, [0.0, value])),
        outcome(lambda: grid(one, [axis(parameter, value)])),
    )
    if value <= 1e100:
        assert not isinstance(column, Exception)
        assert not isinstance(table, Exception)
    assert_finite_or_refused(column, lambda found: found.columns, ("vary", parameter))
    assert_finite_or_refused(table, lambda found: found["results"], ("axes", 0, "to"))


def test_two_axes_that_only_together_are_too_large() -> None:
    one = decayed(body([3, 2], WHITE), 0.1)
    with pytest.raises(InputError) as caught:
        grid(one, [axis("weight_decay", 1e100), axis("decay_scale", 1e230)])
    assert [problem.location for problem in caught.value.fields] == [("axes", 1, "to")]
    assert "up to 1e+50" in caught.value.fields[0].detail


def test_the_greatest_value_is_a_power_that_squares() -> None:
    assert np.isfinite(GREATEST * GREATEST)


MODELS: Final = ("feature", "skip", "beta", "decoder variance")
PLAIN: Final = {
    name: make for name, make in KINDS.items() if name not in SLOW and not any(word in name for word in MODELS)
}
"""What landscapes and diagnoses know, too."""


@pytest.mark.parametrize("value", [1.7e308])
def test_landscapes_and_diagnoses_of_any_magnitude(value: float) -> None:
    for kind, make in PLAIN.items():
        problem = make(value)
        found: list[Any] = [outcome(partial(landscape, parse_landscape(problem).request, LIMITS))]
        widths = [3, *(layer["width"] for layer in problem["network"]["layers"])]
        point = {"problem": problem, "weights": [np.zeros(pair).tolist() for pair in pairwise_shapes(widths)]}
        if "bias" not in problem["network"]:
            found.append(outcome(partial(diagnose, parse_diagnosis(point).request, LIMITS, ("problem",))))
        for each in found:
            if isinstance(each, InputError):
                assert all(map(names_a_magnitude, each.fields)), (kind, each.fields)


def pairwise_shapes(widths: list[int]) -> list[tuple[int, int]]:
    return [(after, before) for before, after in pairwise(widths)]


def test_the_greatest_noise_is_that_of_the_deepest_network_of_an_axis() -> None:
    network = Network((Layer(4), Layer(2), Layer(1)))
    for layers in (1, 2, 5):
        expected = GREATEST ** (1.0 / layers) * 2
        assert greatest_value(network, SweepParameter.NOISE_VARIANCE, layers) == pytest.approx(expected)
    assert greatest_value(network, SweepParameter.NOISE_VARIANCE) == pytest.approx(GREATEST**0.5 * 2)
