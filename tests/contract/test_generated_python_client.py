"""A client that `openapi-python-client` makes of the document has every operation and schema, and works."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import httpx
import pytest

from service.schemas.problem import DESIGN_EXAMPLE
from service.settings import Settings
from tests.serving import serving
from tests.support.openapi import FILE, GENERATOR_OPTIONS, SCHEMAS, operations

PACKAGE = "generated_minima_client"
OPERATIONS = operations()
JSON = "application/json"
CSV = b"a,b,c\n1.0,2.0,0.5\n-1.0,0.5,1.5\n0.5,-1.5,2.0\n"


@dataclass(frozen=True)
class Generated:
    """The package and what its generator said."""

    package: ModuleType
    status: int
    told: str

    def __getattr__(self, name: str) -> Any:
        return import_module(f"{PACKAGE}.{name}")

    def function(self, operation: str) -> Callable[..., Any]:
        """The function that calls an operation and returns everything that came back."""
        tag = OPERATIONS[operation][2]["tags"][0]
        called: Callable[..., Any] = import_module(f"{PACKAGE}.api.{tag}.{operation}").sync_detailed
        return called


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generated]:
    folder = tmp_path_factory.mktemp("python-client")
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning"]
    command += ["--path", str(FILE), "--config", str(GENERATOR_OPTIONS), "--output-path", str(folder / PACKAGE)]
    tools = str(Path(sys.executable).parent)  # it formats what it wrote with ruff
    environment = {**os.environ, "PATH": tools + os.pathsep + os.environ.get("PATH", "")}
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    sys.path.insert(0, str(folder))
    try:
        yield Generated(import_module(PACKAGE), ran.returncode, ran.stdout + ran.stderr)
    finally:
        sys.path.remove(str(folder))


def test_it_generates_without_a_warning(generated: Generated) -> None:
    assert generated.status == 0, generated.told
    assert "arning" not in generated.told


def test_no_operation_is_lost(generated: Generated) -> None:
    assert all(callable(generated.function(name)) for name in OPERATIONS)


def test_no_schema_and_no_field_is_lost(generated: Generated) -> None:
    lost = [name for name in SCHEMAS if not hasattr(generated.models, name)]
    assert lost == []
    for name, schema in SCHEMAS.items():
        if schema["type"] == "object":
            made = [field.name for field in attrs.fields(getattr(generated.models, name))]
            kept = [field for field in made if field != "additional_properties"]
            assert len(kept) == len(schema.get("properties", {})), name
        else:
            assert len(getattr(generated.models, name)) == len(schema["enum"]), name


@dataclass
class World:
    """A generated client in front of a server that computes jobs."""

    generated: Generated
    client: Any

    def call(self, operation: str, **arguments: Any) -> Any:
        return self.generated.function(operation)(client=self.client, **arguments)

    def as_result_of_a_job(self, content: bytes) -> Any:
        """What the client makes of these bytes where it has asked for the result of a job of any operation."""
        module = import_module(f"{PACKAGE}.api.jobs.get_job_results")
        return module._parse_response(client=self.client, response=httpx.Response(200, content=content))

    def posted(self, operation: str, body: Mapping[str, Any]) -> Any:
        """A body as an object of the model that has its fields."""
        schema = OPERATIONS[operation][2]["requestBody"]["content"][JSON]["schema"]
        names = [each["$ref"].rpartition("/")[2] for each in schema.get("anyOf", [schema])]
        name = next(name for name in names if set(SCHEMAS[name]["required"]) <= set(body))
        return getattr(self.generated.models, name).from_dict(body)

    def job(self) -> str:
        body = self.posted("minima", DESIGN_EXAMPLE)
        reply = self.call("minima", body=body, prefer="wait=60")
        assert (reply.status_code, type(reply.parsed).__name__) == (200, "MinimaAnswer")
        assert reply.headers["preference-applied"] == "wait=60"
        return str(reply.headers["location"].rpartition("/")[2])

    @cached_property
    def kept_job(self) -> str:
        return self.job()

    def dataset(self, name: str) -> str:
        types = self.generated.types
        file = types.File(
            payload=io.BytesIO(CSV.replace(b"a", name.encode())), file_name="three.csv", mime_type="text/csv"
        )
        body = self.generated.models.UploadDatasetFilesBody(file=file)
        reply = self.call("upload_dataset", body=body)
        assert reply.status_code in {200, 201}
        return str(reply.parsed.id)

    @cached_property
    def kept_dataset(self) -> str:
        return self.dataset("kept")


@pytest.fixture(scope="module")
def world(generated: Generated, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    url = f"sqlite:///{tmp_path_factory.mktemp('generated')}/jobs.db"
    with serving(Settings(database_url=url, workers=1, log_level="error")) as base:
        client = generated.client.Client(base_url=base, timeout=60.0, raise_on_unexpected_status=True)
        with client:
            yield World(generated, client)


POSTS = [name for name, row in OPERATIONS.items() if JSON in row[2].get("requestBody", {}).get("content", {})]


@pytest.mark.parametrize("name", POSTS)
def test_bodies_keep_all_that_the_examples_say(name: str, world: World) -> None:
    examples = OPERATIONS[name][2]["requestBody"]["content"][JSON]["examples"].values()
    assert examples
    for example in examples:
        assert world.posted(name, example["value"]).to_dict() == example["value"]


@pytest.mark.parametrize("name", POSTS)
def test_what_computes_answers_and_nothing_of_it_is_lost(name: str, world: World) -> None:
    example = next(iter(OPERATIONS[name][2]["requestBody"]["content"][JSON]["examples"].values()))["value"]
    reply = world.call(name, body=world.posted(name, example))
    assert reply.status_code == 200
    assert type(reply.parsed).__name__ not in {"JobStatus", "ProblemDetails"}
    assert reply.parsed.to_dict() == json.loads(reply.content)
    if "202" in OPERATIONS[name][2]["responses"]:
        result = world.as_result_of_a_job(reply.content)
        assert type(result) is type(reply.parsed)
        assert result.to_dict() == reply.parsed.to_dict()


READS: Mapping[str, Callable[[World], dict[str, Any]]] = {
    "list_examples": lambda _: {},
    "get_example": lambda _: {"name": "diabetes", "raw": True},
    "list_theorems": lambda _: {},
    "get_theorem": lambda world: {"theorem_id": world.call("list_theorems").parsed.theorems[0].id},
    "list_problems": lambda _: {},
    "get_problem": lambda world: {"problem_id": world.call("list_problems").parsed.problems[0].id},
    "list_jobs": lambda world: {"state": world.generated.models.JobState.SUCCESSFUL, "limit": 5},
    "get_job": lambda world: {"job_id": world.kept_job},
    "get_job_results": lambda world: {"job_id": world.kept_job},
    "list_datasets": lambda _: {"limit": 1},
    "get_dataset": lambda world: {"dataset_id": world.kept_dataset},
    "livez": lambda _: {},
    "readyz": lambda _: {},
    "version": lambda _: {},
}


@pytest.mark.parametrize("name", READS)
def test_what_is_read_comes_back_whole(name: str, world: World) -> None:
    reply = world.call(name, **READS[name](world))
    assert reply.status_code == 200
    assert reply.parsed.to_dict() == json.loads(reply.content)


def test_results_are_recognised_and_known_ones_are_not_sent_again(world: World) -> None:
    reply = world.call("get_job_results", job_id=world.kept_job)
    assert isinstance(reply.parsed, world.generated.models.MinimaAnswer)
    again = world.call("get_job_results", job_id=world.kept_job, if_none_match=reply.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    partial = world.call("get_job_results", job_id=world.kept_job, partial=True)
    assert isinstance(partial.parsed, world.generated.models.PartialResults)
    assert partial.parsed.to_dict() == json.loads(partial.content)


def test_events_are_read_from_where_one_was(world: World) -> None:
    everything = world.call("get_job_events", job_id=world.kept_job).parsed
    assert "event: state" in everything
    seen = [line.removeprefix("id: ") for line in everything.splitlines() if line.startswith("id: ")]
    rest = world.call("get_job_events", job_id=world.kept_job, last_event_id=int(seen[-2])).parsed
    assert rest.count("id: ") == 1
    assert everything.endswith(rest)


def test_metrics_are_text(world: World) -> None:
    assert "minima_http_requests_total" in world.call("metrics").parsed


def test_jobs_and_data_sets_can_be_removed(world: World) -> None:
    body = world.posted("minima", {**DESIGN_EXAMPLE, "time_limit_s": 50.0})
    reply = world.call("minima", body=body, prefer="wait=60")
    job = reply.headers["location"].rpartition("/")[2]
    assert world.call("delete_job", job_id=job).status_code == 204
    gone = world.call("get_job", job_id=job)
    assert (gone.status_code, gone.parsed.type_) == (404, "/problems/not-found")
    dataset = world.dataset("lost")
    assert world.call("delete_dataset", dataset_id=dataset).status_code == 204
    assert world.call("get_dataset", dataset_id=dataset).parsed.type_ == "/problems/dataset-deleted"


def test_every_operation_is_called_above() -> None:
    others = {"get_job_events", "metrics", "delete_job", "delete_dataset", "upload_dataset"}
    assert set(OPERATIONS) == set(POSTS) | set(READS) | others
