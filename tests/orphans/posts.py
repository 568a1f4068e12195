"""Posts whose users are gone: the smallest database in which a key that is to come finds orphans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models import models, reference

if TYPE_CHECKING:
    import pytest
    from project import Project, Revision
    from sqlalchemy import MetaData

USERS = ("CREATE TABLE users (id int PRIMARY KEY)", "INSERT INTO users VALUES (1), (2)")
# Eight posts, six of them orphans.
FILL = "INSERT INTO posts (id, user_id) SELECT n, CASE WHEN n < 3 THEN 1 ELSE n + 100 END FROM generate_series(1, 8) n"
POSTS = ("CREATE TABLE posts (id int PRIMARY KEY, user_id int DEFAULT 1)", FILL)
STAYS = "posts.user_id -> users.id: 1 row of posts stays in the quarantine table"


def make(project: Project, *statements: str) -> None:
    """The table users with two rows, and what ``statements`` make; the models know no column of theirs."""
    project.options.setdefault("include_object", _known_to_the_models)
    project.execute(*USERS, *statements)


def _known_to_the_models(_item: Any, _name: str | None, kind: str, reflected: bool, counterpart: Any) -> bool:
    return kind == "foreign_key_constraint" or not (reflected and counterpart is None)


def hide(project: Project, part: str) -> None:
    """Keep what has ``part`` in its name from the comparison, keys included."""

    def shown(item: Any, name: str | None, kind: str, reflected: bool, counterpart: Any) -> bool:
        return part not in (name or "") and _known_to_the_models(item, name, kind, reflected, counterpart)

    project.options["include_object"] = shown


def posts_model(**rule: Any) -> MetaData:
    """Posts that refer to users."""
    return models(users=[], posts=[reference("user_id", "users.id", **rule)])


def key_revision(project: Project, **rule: Any) -> Revision:
    """The revision that makes the key of posts."""
    project.metadata = posts_model(**rule)
    return project.revision()


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What our logger warned of."""
    return [
        record.getMessage().rpartition(", ")[0]
        for record in caplog.records
        if record.name == "alembic.cascade" and record.levelname == "WARNING"
    ]


def quarantined(project: Project) -> int:
    """How many entries the quarantine holds."""
    tables = project.fetch(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'alembic_cascade'"
    )
    return sum(project.fetch(f"SELECT count(*) FROM {table}")[0][0] for (table,) in tables)


def upgraded(project: Project, *statements: str, rule: str = "CASCADE") -> str:
    """Upgrade posts with the columns that ``statements`` give them; returns the revision."""
    make(project, *POSTS, *statements)
    hide(project, "comments")
    revision = key_revision(project, ondelete=rule)
    project.upgrade()
    return revision.revision


def downgraded(project: Project, caplog: pytest.LogCaptureFixture) -> list[str]:
    """Downgrade, and return the warnings."""
    caplog.clear()
    project.downgrade()
    return warnings_of(caplog)


def restore_again(project: Project, revision: str) -> None:
    """Put back the rest by a revision of its own."""
    project.metadata = None
    (project.path / "versions" / "again.py").write_text(
        "from alembic import op\nrevision = 'again'\ndown_revision = None\ndef upgrade():\n"
        f"    op.restore_orphans('posts', 'users', ['user_id'], ['id'], revision={revision!r})\n"
        "def downgrade():\n    pass\n"
    )
    project.upgrade("again")


def by_hand(
    project: Project, revision: str, table: str, schema: str | None = None, strategy: str = "quarantine", **more: Any
) -> None:
    """A revision of the two operations alone, on a table that refers by user_id to users in the same schema."""
    place = {"source_schema": schema, "referent_schema": schema} if schema else {}
    arguments = f"{table!r}, 'users', ['user_id'], ['id']"
    keywords = "".join(f", {name}={value!r}" for name, value in {**place, **more}.items())
    project.metadata = None
    (project.path / "versions" / f"by_hand_{len(list((project.path / 'versions').glob('*.py')))}.py").write_text(
        f"from alembic import op\nrevision = {revision!r}\ndown_revision = None\n"
        f"def upgrade():\n    op.clean_orphans({arguments}, strategy={strategy!r}, revision=revision{keywords})\n"
        f"def downgrade():\n    op.restore_orphans({arguments}, revision=revision{keywords})\n"
    )


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
