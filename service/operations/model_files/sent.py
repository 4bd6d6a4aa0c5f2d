"""The file of a model in a request, before and after it is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from service.errors import InputError
from service.operations.model_files.formats import read_model
from service.operations.model_files.hints import Hints, Layout
from service.operations.model_files.layers import ACTIVATIONS, ROUNDED, with_layers
from service.operations.model_files.requests import with_model
from service.operations.table import BY_NAME, OPERATIONS
from service.vocabulary import Activation

MODEL: Final = "model"
"""The part of a form that holds the file, and the field of a document that stands for it."""
HINTS: Final = ("layout", "activation", "order")
"""Parts beside it."""
FILES: Final = (ACTIVATIONS, ROUNDED)
"""Files beside it, of an operation that takes its layers one by one."""
LAYOUTS: Final = get_args(Layout)


@dataclass(frozen=True, slots=True)
class SentModel:
    """The bytes of the file, and the parts beside it."""

    content: bytes
    said: Mapping[str, bytes]


def with_sent_model(name: str, document: object, max_bytes: int) -> object:
    """A request in which the file of a model, if there is one, has become network and weights.

    Parameters
    ----------
    name : str
        Of the operation.
    document : object
        As it was read, with a `SentModel` at its field ``model``.
    max_bytes : int
        Bytes of an archive once it is unpacked.

    Raises
    ------
    InputError
        If the operation takes no model, or the file does not fit the request.
    ServiceError
        Whatever the reader of the file refuses.
    """
    sent = document.get(MODEL) if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(sent, SentModel):
        return document
    use = BY_NAME[name].model
    if not use:
        known = ", ".join(row.name for row in OPERATIONS if row.model)
        raise InputError.at((MODEL,), f"must be left out: the file of a model is read beside {known}")
    hints = hints_of({name: sent.said[name].decode(errors="replace").strip() for name in HINTS if name in sent.said})
    rest = {field: value for field, value in document.items() if field != MODEL}
    files = {name: sent.said[name] for name in FILES if name in sent.said}
    if use == "layers":
        return with_layers(rest, sent.content, files, hints, max_bytes)
    for part in files:
        raise InputError.at((part,), "must be left out: this operation takes the model as a whole")
    return with_model(rest, read_model(sent.content, hints, max_bytes), hints, use)


def hints_of(said: Mapping[str, str]) -> Hints:
    """What the sender adds, as texts; `InputError` for words that are not known."""
    layout, activation, order = (said.get(name, "") for name in HINTS)
    found: dict[str, Any] = {"order": tuple(part.strip() for part in order.split(",") if part.strip())}
    if layout:
        if layout not in LAYOUTS:
            raise InputError.at(("layout",), f"must be {', '.join(LAYOUTS)}")
        found["layout"] = layout
    if activation:
        if activation not in list(Activation):
            raise InputError.at(("activation",), f"must be {', '.join(Activation)}")
        found["activation"] = Activation(activation)
    return Hints(**found)
