"""How schemathesis sends bodies that are no JSON: as the bytes that it generates."""

from typing import Any, Final

import schemathesis

BINARY: Final = (
    "application/x-npz",
    "application/x-npy",
    "application/vnd.apache.parquet",
    "application/vnd.apache.arrow.file",
    "application/x-arff",
    "application/x-svmlight",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
)


def send_bytes() -> None:
    """Register the serialiser; once a process."""
    schemathesis.serializer(*BINARY)(_as_bytes)


def _as_bytes(_context: Any, value: Any) -> bytes:
    """Bytes as they were generated, anything else as its text."""
    return value if isinstance(value, bytes) else str(value).encode()
