"""Row security that hides rows from the owner, too: a key that could not be validated is left as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from models import models, reference
from sqlalchemy import event

from alembic_cascade import CascadeConfig, ForeignKeyRefused, configure_options

if TYPE_CHECKING:
    from project import Project


def test_a_rule_is_not_exchanged_where_the_key_could_not_be_validated(project: Project) -> None:
    """It would stay NOT VALID, in both directions."""
    project.options = configure_options(CascadeConfig(concurrently=True))
    project.create(models(users=[], posts=[reference("user_id", "users.id")]))
    project.metadata = models(users=[], posts=[reference("user_id", "users.id", ondelete="CASCADE")])
    project.revision()
    project.execute(
        "DROP ROLE IF EXISTS keeper", "CREATE ROLE keeper", "GRANT ALL ON SCHEMA public TO keeper",
        "CREATE TABLE IF NOT EXISTS alembic_version (version_num varchar(32) PRIMARY KEY)",
        "ALTER TABLE alembic_version OWNER TO keeper",
        "ALTER TABLE users OWNER TO keeper", "ALTER TABLE posts OWNER TO keeper",
        "ALTER TABLE posts ENABLE ROW LEVEL SECURITY", "ALTER TABLE posts FORCE ROW LEVEL SECURITY",
    )  # fmt: skip

    def become(connection: object, _record: object) -> None:
        connection.cursor().execute("SET ROLE keeper")  # type: ignore[attr-defined]

    event.listen(project.engine, "connect", become)
    with pytest.raises(ForeignKeyRefused, match=r"row security hides rows of posts .* with BYPASSRLS"):
        project.upgrade()
    event.remove(project.engine, "connect", become)
    assert project.fetch("SELECT confdeltype::text, convalidated FROM pg_constraint WHERE contype = 'f'") == [
        ("a", True)
    ]
    project.execute(
        "REASSIGN OWNED BY keeper TO CURRENT_USER", "DROP OWNED BY keeper", "DROP ROLE keeper",
    )  # fmt: skip
    project.upgrade()
    assert project.fetch("SELECT confdeltype::text, convalidated FROM pg_constraint WHERE contype = 'f'") == [
        ("c", True)
    ]
