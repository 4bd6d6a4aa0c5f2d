"""Content-addressed identity: the same question has the same id, however it is written."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Final

from service.jobs.values import Json

IDENTITY: Final = re.compile(r"[0-9a-f]{32}")
"""The form of every id.  What has another form is never asked for: databases differ in the texts that they take."""


def canonical(value: Json) -> Json:
    """Return the value with every number as float64, so that ``1`` and ``1.0`` are one question.

    Integers that float64 cannot hold (seeds above 2**53) stay integers: two of them are two questions.

    Raises
    ------
    ValueError
        For NaN and infinities, which JSON cannot carry.
    """
    if isinstance(value, list | tuple):
        return [item + 0.0 if type(item) is float else canonical(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): canonical(value[key]) for key in sorted(value)}
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value) if abs(value) <= 2**53 else value
    if isinstance(value, float):
        return value + 0.0
    return value


def canonical_json(value: Json) -> str:
    """Serialise canonically: sorted keys, no spaces, shortest round-trip numbers."""
    return json.dumps(canonical(value), sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True)


def job_id(operation: str, request: str, engine_version: str, tenant: str) -> str:
    """Return the id of a job: 32 hexadecimal digits of the hash of all that decides its result.

    Parameters
    ----------
    operation, engine_version, tenant : str
    request : str
        In its canonical form, as `canonical_json` writes it.
    """
    before, after = canonical_json(operation), canonical_json([engine_version, tenant])
    return hashlib.sha256(f"[{before},{request},{after[1:]}".encode()).hexdigest()[:32]


def content_hash(body: bytes) -> str:
    """Return the address of a blob."""
    return "sha256:" + hashlib.sha256(body).hexdigest()
