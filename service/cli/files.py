"""Input files: JSON, or ``.npz`` with the request inside, from a path or standard input."""

import sys
from pathlib import Path
from typing import Final

from service.cli.errors import CommandError
from service.web.bodies.documents import from_npz, parse_json

STANDARD_INPUT: Final = "-"
MAX_NPZ_BYTES: Final = 2**31


def read_document(path: str) -> object:
    """The JSON-like document in ``path``; ``-`` is standard input.

    Raises
    ------
    CommandError
        If the file cannot be read.
    service.errors.MalformedBody
        If it is neither JSON nor ``.npz``.
    """
    try:
        content = sys.stdin.buffer.read() if path == STANDARD_INPUT else Path(path).read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror or 'unknown reason'}") from None
    return from_npz(content, MAX_NPZ_BYTES) if content.startswith(b"PK") else parse_json(content)
