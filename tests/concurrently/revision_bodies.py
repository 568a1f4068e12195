"""What the bodies of concurrent revisions are made of, as they are written."""

from __future__ import annotations

from textwrap import indent
from typing import TYPE_CHECKING, Any

from models import models, number, reference

from alembic_cascade import CascadeConfig, configure_options

if TYPE_CHECKING:
    from project import Project
    from sqlalchemy import MetaData


KEY = "'posts', 'users', ['user_id'], ['id']"
PLAIN = models(users=[], posts=[number("user_id")])


def block(steps: str) -> str:
    """The body of an upgrade with these steps."""
    return f"op.begin_concurrently(revision)\nwith op.get_context().autocommit_block():\n{indent(steps, '    ')}"


def back(steps: str) -> str:
    """The body of a downgrade with these steps."""
    return block(steps).replace("(revision)", "(down_revision)", 1)


def new_key(remark: str, strategy: str, rule: str = "", more: str = "", name: str = "posts_user_id_fkey") -> str:
    """The body of an upgrade that makes a key in four steps; ``rule`` and ``more`` are keywords as they are written."""
    key = KEY_OF.get(name, KEY)
    return block(f"""\
{remark}
op.clean_orphans(
    {key},
    strategy={strategy!r}, revision=revision, check_only=True{more}, concurrently=True,
)
op.add_foreign_key(
    {name!r}, {key},
    {rule}not_valid=True{more}, concurrently=True,
)
op.clean_orphans(
    {key},
    strategy={strategy!r}, revision=revision{more}, concurrently=True,
)
op.alter_foreign_key(
    {name!r}, {key},
    {rule}not_valid=False, existing_not_valid=True{more}, concurrently=True,
)
""")


KEY_OF = {
    "nodes_up_fkey": "'nodes', 'nodes', ['up'], ['id']",
    "posts_tenant_author_fkey": "'posts', 'users', ['tenant', 'author'], ['tenant', 'id']",
}
SET_ASIDE = "# posts.user_id -> users.id: orphans go into the quarantine, as ON DELETE CASCADE would delete them"
STOP = "# posts.user_id -> users.id: orphans stop the migration, as ON DELETE NO ACTION would stop a delete"
DROP = f"op.drop_foreign_key('posts_user_id_fkey', {KEY}, concurrently=True)\n"
RESTORE = f"op.restore_orphans({KEY}, revision=revision, concurrently=True)\n"
NEW = new_key(SET_ASIDE, "quarantine", "ondelete='CASCADE', ")
GONE = back(DROP + RESTORE)
RULE = block(f"""\
{SET_ASIDE}
op.clean_orphans(
    {KEY},
    strategy='quarantine', revision=revision, concurrently=True,
)
op.alter_foreign_key(
    'posts_user_id_fkey', {KEY},
    ondelete='CASCADE', existing_ondelete=None, concurrently=True,
)
""")
RULE_BACK = back(f"""\
op.alter_foreign_key(
    'posts_user_id_fkey', {KEY},
    ondelete=None, existing_ondelete='CASCADE', concurrently=True,
)
{RESTORE}""")


def posts(*items: Any, **rule: Any) -> MetaData:
    return models(users=[], posts=[reference("user_id", "users.id", **rule), *items])


def concurrently(project: Project, **settings: Any) -> None:
    project.options |= configure_options(CascadeConfig(**{"concurrently": True, **settings}))
