"""The service's own operations with those of the tests."""

from service.jobs.kinds import KINDS
from tests.support import job_operations

PLACE = "tests.support.job_table:OPERATIONS"
OPERATIONS = {**KINDS, **job_operations.OPERATIONS}
