"""A model file beside a request: its layers become the network, its arrays the point or the recorded weights."""

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

from service.core.ground.numbers.arrays import FloatArray
from service.errors import FieldError, InputError, Location
from service.operations.model_files.found import FoundLayer, FoundModel
from service.operations.model_files.hints import Hints
from service.schemas.model_files import ReadLayer, ReadModel
from service.vocabulary import Activation, Bias

Use: TypeAlias = Literal["point", "snapshot"]
"""Whether an operation takes weights as a point, ``weights`` and ``biases``, or as one of its ``snapshots``."""
BESIDE: Final = "must be left out beside a model file, which holds them"


def with_model(document: Mapping[str, Any], model: FoundModel, hints: Hints, use: Use) -> dict[str, Any]:
    """The request with what a model file says; what stands in the request itself comes first.

    Parameters
    ----------
    document : mapping
        A problem, or one wrapped; its network may lack all that the file says.
    model : FoundModel
    hints : Hints
    use : {"point", "snapshot"}

    Raises
    ------
    InputError
        If the network that was sent is another one, or weights were sent, too.
    """
    wrapped = isinstance(document.get("problem"), dict)
    problem = document["problem"] if wrapped else document
    at: Location = ("problem", "network") if wrapped else ("network",)
    given = ("weights", "biases") if use == "point" else ("snapshots",)
    twice = [FieldError((name,), BESIDE) for name in (*given, "model") if name in document]
    if twice:
        raise InputError(twice)
    network = _network(problem.get("network", {}), model, hints, at)
    found = {**document, "model": report(model, hints).model_dump(mode="json"), **_weights(model, network, use)}
    if wrapped:
        return {**found, "problem": {**problem, "network": network}}
    return {**found, "network": network}


def report(model: FoundModel, hints: Hints) -> ReadModel:
    """What the file was read as."""
    layers = [
        ReadLayer(
            name=layer.name,
            shape=list(layer.matrix.shape),
            bias=layer.bias is not None,
            activation=_activation(model, index, hints).value,
        )
        for index, layer in enumerate(model.layers)
    ]
    return ReadModel(format=model.format, layers=layers, ignored=list(model.ignored))


def _activation(model: FoundModel, index: int, hints: Hints) -> Activation:
    known = model.layers[index].activation
    if known is not None:
        return known
    last = index == len(model.layers) - 1
    return Activation.LINEAR if last or hints.activation is None else hints.activation


def _network(sent: object, model: FoundModel, hints: Hints, at: Location) -> dict[str, Any]:
    if not isinstance(sent, dict):
        raise InputError.at(at, "must be an object, or left out beside a model file")
    own = sent.get("layers", [{}] * len(model.layers))
    if not isinstance(own, list) or not all(isinstance(layer, dict) for layer in own):
        raise InputError.at((*at, "layers"), "must be an array of objects, or left out beside a model file")
    if len(own) != len(model.layers):
        raise InputError.at((*at, "layers"), f"must be {len(model.layers)}, as in the model file, or left out")
    layers = []
    for index, (layer, said) in enumerate(zip(model.layers, own, strict=True)):
        known = _layer(layer, _activation(model, index, hints))
        if said.get("width", known["width"]) != known["width"]:
            wrong = f"must be {known['width']}, the outputs of {layer.name[:80]} in the model file, or left out"
            raise InputError.at((*at, "layers", index, "width"), wrong)
        layers.append({**known, **said})
    found: dict[str, Any] = {"bias": _bias(model).value}
    if model.input_dropout:
        found["input_noise"] = {"kind": "dropout", "rate": model.input_dropout}
    if "bias" in sent and sent["bias"] != found["bias"]:
        raise InputError.at((*at, "bias"), f"must be {found['bias']}, as in the model file, or left out")
    return {**found, **sent, "layers": layers}


def _layer(layer: FoundLayer, activation: Activation) -> dict[str, Any]:
    found: dict[str, Any] = {"width": layer.width, "activation": activation.value}
    if layer.slope is not None:
        found["slope"] = layer.slope
    if layer.dropout:
        found["noise"] = {"kind": "dropout", "rate": layer.dropout}
    if layer.kernel is not None:
        found |= {
            "kind": "conv",
            "kernel": list(layer.kernel.size),
            "channels": layer.matrix.shape[0],
            "in_channels": layer.kernel.in_channels,
            "stride": layer.kernel.stride,
        }
    return found


def _bias(model: FoundModel) -> Bias:
    """The fewest layers with a bias that hold those of the file."""
    *hidden, last = [layer.bias is not None for layer in model.layers]
    if any(hidden):
        return Bias.ALL if last else Bias.HIDDEN
    return Bias.OUTPUT if last else Bias.NONE


def _weights(model: FoundModel, network: Mapping[str, Any], use: Use) -> dict[str, Any]:
    weights = [layer.matrix.tolist() for layer in model.layers]
    *hidden, last = model.layers
    in_hidden, in_last = network["bias"] in (Bias.ALL, Bias.HIDDEN), network["bias"] in (Bias.ALL, Bias.OUTPUT)
    biases = [_vector(layer) if in_hidden else None for layer in hidden] + [_vector(last) if in_last else None]
    point: dict[str, Any] = {"weights": weights}
    if any(bias is not None for bias in biases):
        point["biases"] = biases
    return point if use == "point" else {"snapshots": [point]}


def _vector(layer: FoundLayer) -> list[float]:
    """The bias of a layer; zeros where other layers of its kind have one and it has none."""
    bias: FloatArray | None = layer.bias
    return [0.0] * layer.matrix.shape[0] if bias is None else [float(entry) for entry in bias]
