"""The settings of the service as the jobs floor's own configuration; the driver's process needs no settings."""

import os
from pathlib import Path

from service.jobs.config import JobsConfig
from service.settings import Settings


def jobs_config(settings: Settings) -> JobsConfig:
    """Read the settings of the service."""
    return JobsConfig(
        database_url=settings.database_url or default_database_url(),
        scheduler_address=settings.scheduler_address,
        allow_insecure_scheduler=settings.allow_insecure_scheduler,
        tls_ca=settings.tls_ca,
        tls_certificate=settings.tls_certificate,
        tls_key=settings.tls_key,
        workers=settings.workers or 0,
        worker_memory=settings.worker_memory_bytes,
        table=settings.job_table,
        lease_s=settings.lease_s,
        stuck_after_s=settings.stuck_after_s,
        max_losses=settings.max_worker_deaths,
        retention_s=settings.job_retention_s,
        dataset_retention_s=settings.dataset_retention_s,
        collect_every_s=settings.collect_every_s,
        queue_limit=settings.queue_limit,
        jobs_at_once=settings.jobs_at_once,
        time_limit_s=settings.max_job_seconds,
        log_level=settings.log_level,
        log_format=settings.log_format,
    )


def default_database_url() -> str:
    """Return a file in the user's data folder."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return f"sqlite:///{Path(base) / 'analytic-minima' / 'jobs.db'}"
