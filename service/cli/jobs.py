"""``minima jobs``: the jobs in the store that the settings name, from any machine that reaches it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from service.cli.output import print_json, wants_json
from service.jobs.from_settings import jobs_config
from service.jobs.service import JobService
from service.jobs.values import Job, JobState
from service.schemas.jobs import JobList
from service.settings import Settings
from service.web.answering.job_views import job_status
from service.web.preferences import tenant_of_key

application = typer.Typer(help="List, show, watch and cancel jobs.", no_args_is_help=True, add_completion=False)
_LOOK_EVERY_S: Final = 0.2
_NOT_SUCCESSFUL: Final = 1

Key = Annotated[str | None, typer.Option(help="API key whose jobs are meant, where the server asks for keys.")]
Identity = Annotated[str, typer.Argument(help="Id of the job.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON on a terminal, too.")]


@contextmanager
def _jobs() -> Iterator[JobService]:
    service = JobService(jobs_config(Settings()), drive=False)
    try:
        yield service
    finally:
        service.stop()


@application.command("list")
def list_jobs(
    state: Annotated[JobState | None, typer.Option(help="Only jobs in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="Most jobs to list.")] = 50,
    key: Key = None,
    json: AsJson = False,
) -> None:
    """List jobs, newest first."""
    with _jobs() as service:
        found = service.store.list(tenant_of_key(key), limit=limit, state=state)
    if wants_json(asked=json):
        reasons = {"next": "the command line lists one page"}
        print_json(JobList(jobs=[job_status(job) for job in found], next=None, reasons=reasons))
        return
    table = Table("id", "operation", "state", "chunks", "created")
    for job in found:
        status = job_status(job)
        table.add_row(
            job.id, job.operation, job.state, f"{job.chunks_done}/{job.chunks_total or '?'}", status.created_at
        )
    Console().print(table)


@application.command("show")
def show(job_id: Identity, key: Key = None) -> None:
    """Print one job as JSON."""
    with _jobs() as service:
        print_json(job_status(service.store.get(job_id, tenant_of_key(key))))


@application.command("watch")
def watch(job_id: Identity, key: Key = None) -> None:
    """Follow a job to its end; the exit status is 0 only if it succeeds."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with _jobs() as service, Progress(*columns, console=Console(stderr=True)) as progress:
        line = progress.add_task("accepted", total=None)
        job = service.store.get(job_id, tenant_of_key(key))
        while True:
            progress.update(line, description=job.state, completed=job.chunks_done, total=job.chunks_total)
            if job.ended:
                break
            time.sleep(_LOOK_EVERY_S)
            job = service.store.get(job_id, tenant_of_key(key))
    print_json(job_status(job))
    if job.state is not JobState.SUCCESSFUL:
        raise typer.Exit(_NOT_SUCCESSFUL)


@application.command("cancel")
def cancel(job_id: Identity, key: Key = None) -> None:
    """Stop a job and wait until its process is gone; an ended job is left alone."""
    tenant = tenant_of_key(key)
    with _jobs() as service:
        job: Job | None = service.store.get(job_id, tenant)
        if job is not None and not job.ended:
            job = service.store.dismiss(job_id, tenant, tenant)
        while job is not None and job.cancel_requested and not job.ended:
            time.sleep(_LOOK_EVERY_S)
            job = service.store.get(job_id, tenant)
    if job is not None:
        print_json(job_status(job))
