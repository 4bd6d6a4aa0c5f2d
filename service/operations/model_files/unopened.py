"""Files that may run code, or have a format of their own: never opened; the refusal says what to save instead."""

import io
from typing import Final

from service.errors import MalformedBody, UnsupportedMediaType
from service.operations.uploads.archives import UNREADABLE, opened_archive

TORCH: Final = (
    "a file of torch.save is a pickle, which can run code, and is never opened; save it with\n"
    "from safetensors.torch import save_file\n"
    'save_file(model.state_dict(), "model.safetensors")'
)
PICKLE: Final = (
    "a pickle can run code and is never opened; save the arrays of a scikit-learn model with\n"
    "import numpy\n"
    'numpy.savez("model.npz", *(part for pair in zip(model.coefs_, model.intercepts_) for part in pair))\n'
    "and a PyTorch model with\n"
    "from safetensors.torch import save_file\n"
    'save_file(model.state_dict(), "model.safetensors")'
)
KERAS: Final = (
    'files of Keras are not read; save the arrays with\nimport numpy\nnumpy.savez("model.npz", *model.get_weights())'
)
HDF5: Final = b"\x89HDF\r\n\x1a\n"
MOST_ENTRIES: Final = 10_000


def refuse_unopened(content: bytes) -> None:
    """Raise `UnsupportedMediaType`, with what to type instead, for a file that is never opened."""
    if content.startswith(HDF5):
        raise UnsupportedMediaType(KERAS)
    if content[:1] == b"\x80" and content[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        raise UnsupportedMediaType(PICKLE)
    if content.startswith(b"PK"):
        names = _names(content)
        if any(name.endswith("data.pkl") for name in names):
            raise UnsupportedMediaType(TORCH)
        if "model.weights.h5" in names:
            raise UnsupportedMediaType(KERAS)


def _names(content: bytes) -> list[str]:
    try:
        with opened_archive(io.BytesIO(content), MOST_ENTRIES) as archive:
            return archive.namelist()
    except (*UNREADABLE, MalformedBody):
        return []
