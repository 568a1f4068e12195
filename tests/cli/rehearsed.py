"""What the tests of ``rehearse`` share: a shop with models and rows, and revisions that are written and not run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from textwrap import indent
from typing import Any

from click.testing import Result
from orphaned import Site

MODELS = """
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column(Text)


class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    title: Mapped[str | None] = mapped_column(Text)
"""

TABLES = (
    "CREATE TABLE users (id serial PRIMARY KEY, name text)",
    "CREATE TABLE posts (id serial PRIMARY KEY, user_id integer, title text,"
    " CONSTRAINT posts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE)",
    "INSERT INTO users (name) VALUES ('ann'), ('bob')",
    "INSERT INTO posts (user_id, title) VALUES (1, 'a'), (1, 'b'), (2, 'c')",
)

REVISION = """\
from alembic import op
import sqlalchemy as sa

revision = {revision!r}
down_revision = {parent!r}


def upgrade():
{up}


def downgrade():
{down}
"""

COPIES = "SELECT datname FROM pg_database WHERE datname LIKE 'alembic_cascade_rehearsal_%'"

ADD_COLUMN = "op.add_column('posts', sa.Column('slug', sa.Text()))"
DROP_COLUMN = "op.drop_column('posts', 'slug')"

DIRTY = (
    "CREATE TABLE users (id serial PRIMARY KEY, name text)",
    "CREATE TABLE posts (id serial PRIMARY KEY, user_id integer, title text)",
    "INSERT INTO users (name) VALUES ('ann')",
    "INSERT INTO posts (user_id, title) VALUES (1, 'a'), (7, 'b'), (8, 'c')",
)
SETTLE = (
    "op.clean_orphans('posts', 'users', ['user_id'], ['id'], strategy='quarantine', revision=revision)\n"
    "op.create_foreign_key('posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'], ondelete='CASCADE')"
)
UNSETTLE = (
    "op.drop_constraint('posts_user_id_fkey', 'posts', type_='foreignkey')\n"
    "op.restore_orphans('posts', 'users', ['user_id'], ['id'], revision=revision)"
)


@dataclass
class Shop(Site):
    """A project whose first revision is there, and whose others wait."""

    def open(self, *statements: str) -> None:
        """Make the tables, and mark the database as being at revision one."""
        self.model(MODELS)
        self.execute(*(statements or TABLES))
        self.migrate("one", "pass")

    def write(self, revision: str, up: str, down: str = "pass") -> None:
        """Write a revision."""
        parent = self.revisions[-1] if self.revisions else None
        self.revisions.append(revision)
        text = REVISION.format(revision=revision, parent=parent, up=indent(up, "    "), down=indent(down, "    "))
        (self.path / "migrations" / "versions" / f"{len(self.revisions)}.py").write_text(text)

    def rehearse(self, *arguments: str, columns: int | None = None) -> Result:
        """``alembic-cascade rehearse`` with these arguments."""
        return self.run(*arguments, command="rehearse", columns=columns)

    def rehearsed(self, *arguments: str) -> dict[str, Any]:
        """What is said as JSON; the exit status is that of the verdict, and no copy is left."""
        result = self.rehearse(*arguments, "--format", "json")
        assert result.exit_code in {0, 1}, result.output
        found = json.loads(result.stdout)["rehearsal"]
        assert (found["verdict"] == "unsafe") is (result.exit_code == 1)
        assert self.fetch(COPIES) == []
        return found

    def reasons(self, *arguments: str) -> list[tuple[str, str]]:
        """The verdict's reasons: kind and subject."""
        return [(reason["kind"], reason["subject"]) for reason in self.rehearsed(*arguments)["reasons"]]

    def state(self) -> list[Any]:
        """All rows, and the catalogue's number of relations: what a rehearsal must not change."""
        return [self.written(), self.fetch("SELECT version_num FROM alembic_version")]
