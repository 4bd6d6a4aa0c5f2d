"""Retention finds what is due, and whether a result is still referred to, without reading every job."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace the index of expiry by one that leaves out what has expired already, and index results."""
    op.create_index("jobs_due", "jobs", ["expired", "expires_at"])
    op.create_index("jobs_results", "jobs", ["result_hash"])
    op.drop_index("jobs_expiry", "jobs")


def downgrade() -> None:
    """Go back to the index of expiry alone."""
    op.create_index("jobs_expiry", "jobs", ["expires_at"])
    op.drop_index("jobs_results", "jobs")
    op.drop_index("jobs_due", "jobs")
