"""Find typed words by their trigrams, where PostgreSQL has pg_trgm"""

import structlog
from alembic import op
from sqlalchemy.exc import DBAPIError

revision = "0131"
down_revision = "0127"
branch_labels = None
depends_on = None

log = structlog.get_logger(__name__)

_INDEX = "ix_study_search_text_trigrams"


def upgrade() -> None:
    """Without the extension, which is a package of its own in some systems, each study is read."""
    bind = op.get_bind()
    if bind.dialect.name != "postgresql":
        return
    try:
        with bind.begin_nested():
            op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DBAPIError:
        log.warning(
            "typed_words_not_indexed",
            reason="the database cannot load the extension pg_trgm, so that the study list's"
            " search reads every study",
            remedy="install PostgreSQL's contrib modules, then see docs/operations.md",
        )
        return
    op.execute(f"CREATE INDEX {_INDEX} ON study USING gin (search_text gin_trgm_ops)")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP INDEX IF EXISTS {_INDEX}")
