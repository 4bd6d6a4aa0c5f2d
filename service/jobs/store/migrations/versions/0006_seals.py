"""Jobs keep the seal of the plan that was priced when their question was submitted."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the seal; jobs that were stored before have none, and nothing to be compared with."""
    op.add_column("jobs", sa.Column("seal", sa.Text))


def downgrade() -> None:
    """Forget it."""
    op.drop_column("jobs", "seal")
