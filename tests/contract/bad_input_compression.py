"""Compressions that are refused: layers, what they read, and how small they are to become."""

from typing import Any, Final

from tests.contract.bad_input_elsewhere import Refused

LAYER: Final[dict[str, Any]] = {"name": "up", "weights": [[1.0, 2.0, 0.0], [0.0, 1.0, 1.0], [2.0, 0.0, 1.0]]}
SPECTRUM: Final[dict[str, Any]] = {"name": "up", "shape": [3, 4], "singular_values": [3.0, 2.0, 1.0]}
UNIT: Final = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]


def _compression(name: str, layer: Any, **more: Any) -> Refused:
    return Refused(f"compression: {name}", "/v1/compression", {"layers": [layer], **more})


def _reading(name: str, kind: str, **numbers: Any) -> Refused:
    return _compression(name, {**LAYER, "activations": {"kind": kind, **numbers}})


COMPRESSION: Final = (
    Refused("compression: no layer", "/v1/compression", {"layers": []}),
    Refused("compression: two layers of one name", "/v1/compression", {"layers": [LAYER, LAYER]}),
    _compression("a layer of nothing", {"name": "up"}),
    _compression("weights and singular values", {**LAYER, "singular_values": [1.0]}),
    _compression("a shape beside weights", {**LAYER, "shape": [3, 3]}),
    _compression("weights without a column", {"name": "up", "weights": [[]]}),
    _compression("rows of two lengths", {"name": "up", "weights": [[1.0, 2.0], [1.0]]}),
    _compression("a spectrum without a shape", {"name": "up", "singular_values": [1.0]}),
    _compression("a side of zero", {**SPECTRUM, "shape": [3, 0]}),
    _compression("too few singular values", {**SPECTRUM, "singular_values": [3.0, 2.0]}),
    _compression("singular values that rise", {**SPECTRUM, "singular_values": [1.0, 2.0, 3.0]}),
    _compression("a negative singular value", {**SPECTRUM, "singular_values": [1.0, 0.5, -0.5]}),
    _compression("a spectrum that is corrected", {**SPECTRUM, "correction_of": UNIT}),
    _compression(
        "a spectrum beside activations",
        {**SPECTRUM, "activations": {"kind": "samples", "x": [[1.0, 1.0, 1.0, 1.0]]}},
    ),
    _compression("factors of a spectrum", SPECTRUM, **{"return": {"factors": True}}),
    _compression("a correction of another shape", {**LAYER, "correction_of": [[1.0, 2.0, 0.0]]}),
    _reading("samples of another width", "samples", x=[[1.0, 2.0]]),
    _reading("moments of another width", "moments", xx=[[1.0]]),
    _reading("moments that are not symmetric", "moments", xx=[[1.0, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    _reading("a negative mean square", "moments", xx=[[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]]),
    _reading("moments that no inputs have", "moments", xx=[[1.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    _compression("outputs of 1e200", {**LAYER, "weights": [[1e200, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]}),
    _compression("a budget and ranks", LAYER, budget=0.5, ranks=[1]),
    _compression("an error and a budget", LAYER, budget=0.5, error=1.0),
    _compression("a budget below the least", LAYER, budget=0.1),
    _compression("a budget above the dense size", LAYER, budget=10),
    _compression("a budget of nothing", LAYER, budget=0),
    _compression("an error below zero", LAYER, error=-1.0),
    _compression("more than all of the error", LAYER, error=2.0, relative=True),
    _compression("a share of no error", LAYER, relative=True),
    _compression("ranks of other layers", LAYER, ranks=[1, 1]),
    _compression("a rank that no such matrix has", LAYER, ranks=[4]),
    _compression("a correction that is kept", {**LAYER, "correction_of": UNIT}, ranks=[None]),
)
