"""The tables of the store.  Columns are read nowhere but in this floor; migrations build the same schema."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    false,
    text,
)

metadata: Final = MetaData()

jobs: Final = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("operation", String(64), nullable=False),
    Column("request", Text),
    Column("seal", Text),
    Column("tenant", String(128), nullable=False),
    Column("engine_version", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("owner", String(64)),
    Column("epoch", BigInteger, nullable=False),
    Column("lease_expires_at", Float),
    Column("deadline_at", Float),
    Column("cancel_requested", Boolean, nullable=False, default=False),
    Column("restart_requested", Boolean, nullable=False, default=False),
    Column("expired", Boolean, nullable=False, default=False),
    Column("weight", Integer, nullable=False),
    Column("time_limit_s", Float, nullable=False),
    Column("cost_estimate_s", Float, nullable=False),
    Column("reason", Text, nullable=False),
    Column("chunks_total", Integer),
    Column("chunks_done", Integer, nullable=False, default=0),
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("finished_at", Float),
    Column("updated_at", Float, nullable=False),
    Column("expires_at", Float),
    Column("error", Text),
    Column("result_hash", String(80)),
    Column("event_count", Integer, nullable=False, default=0),
    Index("jobs_claimable", "state", "engine_version", "created_at"),
    Index("jobs_listing", "tenant", "created_at", "id"),
    Index("jobs_due", "expired", "expires_at"),
    Index("jobs_results", "result_hash"),
)

attempts: Final = Table(
    "attempts",
    metadata,
    Column("job_id", String(32), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("finished_at", Float),
    Column("error", Text),
)

subscriptions: Final = Table(
    "subscriptions",
    metadata,
    Column("job_id", String(32), primary_key=True),
    Column("subscriber", String(128), primary_key=True),
    Column("created_at", Float, nullable=False),
)

steps: Final = Table(
    "steps",
    metadata,
    Column("job_id", String(32), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("media_type", String(64), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("hash", String(80), nullable=False, server_default=""),
    Column("seconds", Float, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("stored_at", Float, nullable=False),
)

losses: Final = Table(
    "losses",
    metadata,
    Column("job_id", String(32), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("count", Integer, nullable=False),
)

events: Final = Table(
    "events",
    metadata,
    Column("job_id", String(32), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("name", String(32), nullable=False),
    Column("data", Text, nullable=False),
    Column("at", Float, nullable=False),
)

blobs: Final = Table(
    "blobs",
    metadata,
    Column("hash", String(80), primary_key=True),
    Column("media_type", String(64), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", Float, nullable=False),
)

drivers: Final = Table(
    "drivers",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("host", String(128), nullable=False),
    Column("engine_version", String(64), nullable=False),
    Column("embedded", Boolean, nullable=False),
    Column("workers", Integer, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("seen_at", Float, nullable=False),
)

datasets: Final = Table(
    "datasets",
    metadata,
    Column("tenant", String(128), primary_key=True),
    Column("id", String(32), primary_key=True),
    Column("summary", Text),
    Column("columns", Text),
    Column("numbers", BigInteger, nullable=False),
    Column("sample_numbers", BigInteger, nullable=False),
    Column("media_type", String(64), nullable=False),
    Column("body", LargeBinary),
    Column("created_at", Float, nullable=False),
    Column("deleted_at", Float),
    Column("used_at", Float, nullable=False, server_default=text("0")),
    Column("expired", Boolean, nullable=False, server_default=false()),
    Column("outdated", Boolean, nullable=False, server_default=false()),
    Index("datasets_listing", "tenant", "created_at", "id"),
    Index("datasets_unused", "used_at"),
)
