"""Operations that no golden revision has, ejected: the same catalogue and the same rows as with the plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from golden.replay import state

from alembic_cascade.eject.files import plan, write
from alembic_cascade.eject.reading import OPERATIONS
from eject.plain import PlainProject

if TYPE_CHECKING:
    from pathlib import Path

    from project import Project

TABLES = (
    "CREATE TABLE channels (id int PRIMARY KEY, last_message_at timestamptz, updated_at timestamptz)",
    "CREATE TABLE messages (id int PRIMARY KEY, channel_id int REFERENCES channels, created_at timestamptz)",
    "INSERT INTO channels VALUES (1), (2)",
    "INSERT INTO messages VALUES (1, 1, '2020-01-01 00:00Z'), (2, 1, '2021-01-01 00:00Z')",
    """CREATE TABLE "O'Brien\\ %s :x" (id int PRIMARY KEY)""",
    """CREATE TABLE posts (id int PRIMARY KEY, "a""b:c\\" int, CONSTRAINT "fk %(x)s" """
    """FOREIGN KEY ("a""b:c\\") REFERENCES "O'Brien\\ %s :x")""",
)
NASTY = "'fk %(x)s', 'posts', \"O'Brien\\\\ %s :x\", ['a\"b:c\\\\'], ['id']"
BODIES = {
    "triggers": (
        "op.create_lifecycle_trigger('channels', 'updated_at', set_on='update')\n"
        "op.create_lifecycle_trigger('channels', 'last_message_at', set_from='messages.created_at',\n"
        "    local_cols=['channel_id'], remote_cols=['id'])\n"
        "op.backfill_lifecycle_column('channels', 'last_message_at', set_from='messages.created_at',\n"
        "    local_cols=['channel_id'], remote_cols=['id'])\n"
        "op.backfill_lifecycle_column('channels', 'updated_at', expression=\"'2001-02-03 04:05Z'::timestamptz\")",
        "op.drop_lifecycle_trigger('channels', 'last_message_at', set_from='messages.created_at',\n"
        "    local_cols=['channel_id'], remote_cols=['id'])\n"
        "op.drop_lifecycle_trigger('channels', 'updated_at', set_on='update')\n"
        "op.execute('UPDATE channels SET last_message_at = NULL, updated_at = NULL')",
    ),
    "nasty names": (
        f"op.alter_foreign_key({NASTY}, ondelete='CASCADE', existing_ondelete=None)",
        f"op.alter_foreign_key({NASTY}, ondelete=None, existing_ondelete='CASCADE', lock_timeout=None)",
    ),
    "dropped": (
        f"op.drop_foreign_key({NASTY})",
        f"op.add_foreign_key({NASTY})",
    ),
    "absent tables": (
        "op.drop_foreign_key('a', 'absent', 'users', ['x'], ['id'], if_exists=True)\n"
        "op.clean_orphans('absent', 'users', ['x'], ['id'], strategy='fail', revision=revision, if_exists=True)",
        "op.restore_orphans('absent', 'users', ['x'], ['id'], revision=revision, if_exists=True)\n"
        "op.add_foreign_key('a', 'absent', 'users', ['x'], ['id'], if_exists=True)",
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_the_same_with_and_without_the_plugin(tmp_path: Path, project: Project, name: str) -> None:
    """Up and down."""
    project.execute(*TABLES)
    project.write_revision(*BODIES[name])
    before = state(project)
    project.upgrade()
    after = state(project)
    project.downgrade("base")
    assert state(project) == before
    plain = PlainProject(tmp_path / "plain", project.url)
    revision = plain.versions / "r1.py"
    revision.write_text((project.path / "versions" / "r1.py").read_text())
    write(plan([revision], None).changes)
    plain.alembic("upgrade", "head")
    assert state(project) == after
    plain.alembic("downgrade", "base")
    assert state(project) == before


def test_every_operation_of_the_plugin_is_known() -> None:
    """A new one has to be ejected, too."""
    from alembic.operations import Operations  # noqa: PLC0415

    made_for = {name: getattr(value, "__globals__", {}).get("op_cls") for name, value in vars(Operations).items()}
    ours = {name for name, kind in made_for.items() if getattr(kind, "__module__", "").startswith("alembic_cascade.")}
    assert ours == OPERATIONS
