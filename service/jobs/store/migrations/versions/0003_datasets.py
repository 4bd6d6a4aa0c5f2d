"""Uploaded data sets."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "datasets",
        sa.Column("tenant", sa.String(128), primary_key=True),
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("summary", sa.Text),
        sa.Column("columns", sa.Text),
        sa.Column("numbers", sa.BigInteger, nullable=False),
        sa.Column("sample_numbers", sa.BigInteger, nullable=False),
        sa.Column("media_type", sa.String(64), nullable=False),
        sa.Column("body", sa.LargeBinary),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("deleted_at", sa.Float),
    )
    op.create_index("datasets_listing", "datasets", ["tenant", "created_at", "id"])


def downgrade() -> None:
    """Remove the table."""
    op.drop_table("datasets")
