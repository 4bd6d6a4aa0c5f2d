"""Links in the OpenAPI document: which operation an answer leads to, and what of it that operation needs."""

from collections.abc import Mapping
from typing import Any, Final

_STORED: Final = "$response.body#/id"
LINKS: Final[Mapping[str, dict[str, Any]]] = {
    "Job": {"operationId": "get_job", "parameters": {"job_id": _STORED}},
    "JobResults": {"operationId": "get_job_results", "parameters": {"job_id": _STORED}},
    "JobEvents": {"operationId": "get_job_events", "parameters": {"job_id": _STORED}},
    "StoppedJob": {"operationId": "delete_job", "parameters": {"job_id": _STORED}},
    "NextJobs": {"operationId": "list_jobs", "parameters": {"cursor": "$response.body#/next"}},
    "Dataset": {"operationId": "get_dataset", "parameters": {"dataset_id": _STORED}},
    "ForgottenDataset": {"operationId": "delete_dataset", "parameters": {"dataset_id": _STORED}},
    "NextDatasets": {"operationId": "list_datasets", "parameters": {"cursor": "$response.body#/next"}},
    "Theorem": {"operationId": "get_theorem", "parameters": {"theorem_id": "$response.body#/theorems/0/id"}},
    "Example": {"operationId": "get_example", "parameters": {"name": "$response.body#/examples/0/name"}},
    "Problem": {"operationId": "get_problem", "parameters": {"problem_id": "$response.body#/problems/0/id"}},
}
"""Links by their name among the components."""
TO_A_JOB: Final = ("Job", "JobResults", "JobEvents", "StoppedJob")
TO_A_DATASET: Final = ("Dataset", "ForgottenDataset")


def links(*names: str) -> dict[str, dict[str, str]]:
    """References to links."""
    return {name: {"$ref": f"#/components/links/{name}"} for name in names}
