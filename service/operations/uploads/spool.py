"""Bytes that can be read only once, put where they can be read from any place."""

import tempfile
from contextlib import ExitStack
from typing import BinaryIO, Final, cast

from service.errors import EngineError

COPY_BYTES: Final = 1 << 20


def on_disk(stream: BinaryIO, opened: ExitStack) -> BinaryIO:
    """What is left of a stream as a file of its own, at its beginning; the file is removed with the stack.

    Raises
    ------
    EngineError
        If the folder for temporary files takes no more.
    """
    file = cast("BinaryIO", opened.enter_context(tempfile.TemporaryFile()))  # noqa: SIM115 - closed with the stack
    while content := stream.read(COPY_BYTES):
        try:
            file.write(content)
        except OSError as error:
            raise no_room(error) from error
    file.seek(0)
    return file


def no_room(error: OSError) -> EngineError:
    """The error of an upload when the folder is full or missing."""
    return EngineError(f"the folder for uploads takes no file ({error.strerror})")
