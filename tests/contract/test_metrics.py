"""What the operator sees: every metric is in the documentation with its labels, and counts what it says."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.schemas.problem import DESIGN_EXAMPLE
from service.settings import Settings
from tests.serving import call, serving
from tests.support.job_stacks import until

DOCUMENT = Path(__file__).parents[2] / "docs" / "operating.md"
ROW = re.compile(r"`(minima_\w+)(?:\{([\w,]+)\})?`")
OF_A_HISTOGRAM = re.compile(r"_(?:bucket|sum|count)$")
ASYNC = {"prefer": "respond-async"}


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that computes no jobs, after one question of each sort; bodies above 2,000 bytes go to a process."""
    url = f"sqlite:///{tmp_path_factory.mktemp('metrics')}/jobs.db"
    with serving(Settings(database_url=url, workers=0, large_body_bytes=2000, log_level="error")) as base:
        assert call(base, "POST", "/v1/minima", DESIGN_EXAMPLE).status == 200
        # on a busy machine the process may take long to start
        until(lambda: call(base, "POST", "/v1/minima/batch", {"problems": [DESIGN_EXAMPLE] * 20}).status == 200)
        for _ in range(2):
            assert call(base, "POST", "/v1/minima", DESIGN_EXAMPLE, ASYNC).status == 202
        assert call(base, "POST", "/v1/minima", {"colour": 1}).status == 422
        assert call(base, "HEAD", "/v1/jobs/none").status == 404
        assert call(base, "GET", "/livez", headers={"x-large": "x" * 40_000}).status == 431
        yield base


def samples(base: str) -> Mapping[tuple[str, frozenset[tuple[str, str]]], float]:
    text = call(base, "GET", "/metrics").content.decode()
    families = text_string_to_metric_families(text)
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}


def test_every_metric_is_documented_with_its_labels(asked: str) -> None:
    shown: dict[str, set[str]] = {}
    for name, labels in samples(asked):
        if name.startswith("minima_") and not name.endswith("_created"):
            bare = OF_A_HISTOGRAM.sub("", name)
            shown.setdefault(bare, set()).update({label for label, _ in labels} - {"le"})
    documented = {
        name: set(labels.split(",")) - {""} for name, labels in ROW.findall(DOCUMENT.read_text(encoding="utf-8"))
    }
    assert shown == documented


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("minima_answers_total", {"operation": "minima", "solver": "scalar_output", "status": "exact"}, 1),
        # computed in the process for large bodies
        ("minima_answers_total", {"operation": "minima_batch", "solver": "scalar_output", "status": "exact"}, 1),
        ("minima_answer_seconds_count", {"operation": "minima", "solver": "scalar_output"}, 1),
        ("minima_relative_gap_count", {"solver": "scalar_output"}, 21),
        ("minima_job_requests_total", {"operation": "minima", "found": "nothing"}, 1),
        ("minima_job_requests_total", {"operation": "minima", "found": "job"}, 1),
        ("minima_http_problems_total", {"route": "/v1/minima", "code": "invalid-input"}, 1),
        ("minima_http_problems_total", {"route": "/v1/jobs/{job_id}", "code": "not-found"}, 1),
        ("minima_jobs_waiting", {}, 1),
    ],
)
def test_each_counts_what_it_says(asked: str, name: str, labels: Mapping[str, str], value: float) -> None:
    assert samples(asked)[name, frozenset(labels.items())] == value


def test_the_queue_grows_older(asked: str) -> None:
    oldest = ("minima_jobs_oldest_waiting_seconds", frozenset[tuple[str, str]]())
    first = samples(asked)[oldest]
    assert samples(asked)[oldest] > first > 0
