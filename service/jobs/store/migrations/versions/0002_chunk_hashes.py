"""Chunks carry the hash of their bodies, by which results name them."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from service.jobs.identity import content_hash

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and fill it, one chunk at a time."""
    op.add_column("steps", sa.Column("hash", sa.String(80), nullable=False, server_default=""))
    connection = op.get_bind()
    key: list[sa.ColumnClause[Any]] = [sa.column(name) for name in ("job_id", "attempt", "kind", "number")]
    steps = sa.table("steps", *key, sa.column("body"), sa.column("hash"))
    for row in connection.execute(sa.select(*key)).all():
        this = sa.and_(*(column == value for column, value in zip(key, row, strict=True)))
        body = connection.execute(sa.select(steps.c.body).where(this)).scalar_one()
        connection.execute(sa.update(steps).where(this).values(hash=content_hash(body)))


def downgrade() -> None:
    """Remove the column."""
    op.drop_column("steps", "hash")
