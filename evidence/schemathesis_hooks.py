"""What schemathesis must be told before it runs: arrays and archives are sent as bytes."""

from typing import Any

import schemathesis


@schemathesis.serializer("application/x-npz", "application/x-npy", "application/vnd.apache.parquet")
def as_bytes(_context: Any, value: Any) -> bytes:
    """Bytes as they were generated, anything else as its text."""
    return value if isinstance(value, bytes) else str(value).encode()
