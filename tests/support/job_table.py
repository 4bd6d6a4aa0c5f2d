"""The service's own operations with those of the tests."""

from service.jobs.table import JOB_OPERATIONS
from tests.support import job_operations

PLACE = "tests.support.job_table:OPERATIONS"
OPERATIONS = {**JOB_OPERATIONS, **job_operations.OPERATIONS}
