"""Data sets that are not used expire."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add when a data set was last used, and whether it expired rather than was deleted."""
    op.add_column("datasets", sa.Column("used_at", sa.Float, nullable=False, server_default=sa.text("0")))
    op.add_column("datasets", sa.Column("expired", sa.Boolean, nullable=False, server_default=sa.false()))
    op.execute("UPDATE datasets SET used_at = created_at")
    op.create_index("datasets_unused", "datasets", ["used_at"])


def downgrade() -> None:
    """Forget it."""
    op.drop_index("datasets_unused", "datasets")
    op.drop_column("datasets", "expired")
    op.drop_column("datasets", "used_at")
