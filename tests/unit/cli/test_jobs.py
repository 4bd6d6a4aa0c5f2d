import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.cli.jobs import application
from service.jobs.from_settings import jobs_config
from service.jobs.service import JobService
from service.jobs.store.drivers import DriverStore
from service.jobs.values import JobState, Submission
from service.settings import Settings
from service.version import ENGINE_VERSION

QUESTION = Submission("minima", {"question": {}, "limits": {}})


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JobService:
    monkeypatch.setenv("MINIMA_DATABASE_URL", f"sqlite:///{tmp_path}/jobs.db")
    return JobService(jobs_config(Settings()), drive=False)


def run(*arguments: str) -> tuple[int, str]:
    ran = CliRunner().invoke(application, arguments)
    return ran.exit_code, ran.stdout


def test_a_job_is_listed_shown_and_cancelled(jobs: JobService) -> None:
    job, _ = jobs.submit(QUESTION)
    status, listed = run("list")
    assert (status, [row["id"] for row in json.loads(listed)["jobs"]]) == (0, [job.id])
    assert json.loads(run("list", "--state", "running")[1])["jobs"] == []
    assert json.loads(run("list", "--key", "somebody")[1])["jobs"] == []
    assert json.loads(run("show", job.id)[1])["state"] == "accepted"
    assert json.loads(run("cancel", job.id)[1])["state"] == "dismissed"
    # Cancelling is not forgetting.
    assert json.loads(run("cancel", job.id)[1])["state"] == "dismissed"
    jobs.stop()


@pytest.mark.parametrize(("ending", "status"), [(JobState.SUCCESSFUL, 0), (JobState.FAILED, 1)])
def test_watching_ends_with_the_job(jobs: JobService, ending: JobState, status: int) -> None:
    job, _ = jobs.submit(QUESTION)
    driver = DriverStore(jobs._database, "driver", ENGINE_VERSION)
    (claim,) = driver.claim(1)
    driver.finish(claim, ending)
    code, shown = run("watch", job.id)
    assert (code, json.loads(shown)["state"]) == (status, ending)
    jobs.stop()
