"""Imported by the server of forks: whatever answers need, so that no forked process imports it once more."""

from service.operations.loaded import load
from service.operations.table import OPERATIONS
from service.web.answering import large
from service.web.garbage import leave_out_loaded
from service.web.uploads import uploading

__all__ = ["large", "uploading"]

for row in OPERATIONS:
    if row.is_posted:
        load(row)

leave_out_loaded()
