"""Data sets kept as moments are outdated: a factor is kept now, which moments have too few digits for.

Where samples were kept, the factor is made from them when the data set is used.  Of the others only the id stays.
"""

import time

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add whether a data set is outdated, and forget the numbers of those that are."""
    op.add_column("datasets", sa.Column("outdated", sa.Boolean, nullable=False, server_default=sa.false()))
    forget = sa.text(
        "UPDATE datasets SET outdated = :yes, deleted_at = :now, summary = NULL, columns = NULL, body = NULL "
        "WHERE deleted_at IS NULL AND sample_numbers = 0"
    )
    op.execute(forget.bindparams(yes=True, now=time.time()))


def downgrade() -> None:
    """Tell of outdated data sets that they were deleted."""
    op.drop_column("datasets", "outdated")
