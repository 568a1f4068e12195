"""The lines of a model that a fix changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alembic_cascade.audit.auditing import audit
from audit.models import findings_of, imported, message, subject

if TYPE_CHECKING:
    from pathlib import Path

MODELS = """\
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)

class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    user: Mapped[User] = relationship({arguments})
"""


def test_what_a_backref_makes_is_written_there(tmp_path: Path) -> None:
    """The finding is about User.posts; the line to change is that of Post.user."""
    module = imported(tmp_path, MODELS.format(arguments='backref="posts"'))
    (finding,) = findings_of("blank-out-not-null", audit(subject(module)))
    assert finding.target == "User.posts"
    assert finding.fix == 'Post.user: backref=backref("posts", cascade="all, delete-orphan", passive_deletes=True)'
    assert finding.place == subject(module).sources.place(module.Post, "user")


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        ("cascade='all'", ""),
        ("cascade='all',", ""),
        ("cascade='all', lazy='joined'", "lazy='joined'"),
        ("'User', cascade='all'", "'User'"),
        ("lazy='joined', cascade='all', info={}", "lazy='joined', info={}"),
    ],
)
def test_a_keyword_goes_with_its_comma(tmp_path: Path, arguments: str, left: str) -> None:
    """Whichever of the arguments it is."""
    said = message(tmp_path, "delete-on-many-side", MODELS.format(arguments=arguments)).splitlines()
    assert said[-1] == f"+     user: Mapped[User] = relationship({left})"
