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


@pytest.mark.parametrize(
    ("arguments", "changed"),
    [
        ('lazy=("joined"), cascade="all"', 'lazy=("joined")'),
        ('cascade=("all"), lazy="joined"', 'lazy="joined"'),
    ],
)
def test_parentheses_around_an_argument_are_its_own(tmp_path: Path, arguments: str, changed: str) -> None:
    """A syntax tree leaves them out."""
    said = message(tmp_path, "delete-on-many-side", MODELS.format(arguments=arguments)).splitlines()
    assert said[-1] == f"+     user: Mapped[User] = relationship({changed})"


def test_a_new_argument_stands_behind_them(tmp_path: Path) -> None:
    """Inside of the backref that it belongs to."""
    arguments = """
        backref=backref(
            "posts",
            primaryjoin=(lambda: User.id == Post.user_id),
        )
    """
    module = imported(tmp_path, MODELS.format(arguments=arguments))
    (finding,) = findings_of("blank-out-not-null", audit(subject(module)))
    assert finding.fix.splitlines() == [
        '+             cascade="all, delete-orphan",',
        "+             passive_deletes=True,",
    ]


def test_a_call_of_backref_is_changed_where_it_stands(tmp_path: Path) -> None:
    """With what it has already."""
    module = imported(tmp_path, MODELS.format(arguments='backref=backref("posts", lazy="raise")'))
    (finding,) = findings_of("blank-out-not-null", audit(subject(module)))
    assert finding.fix.splitlines()[-1] == (
        '+     user: Mapped[User] = relationship(backref=backref("posts", lazy="raise", cascade="all, delete-orphan", '
        "passive_deletes=True))"
    )


KEYLESS = """\
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int | None] = mapped_column({key})
    posts: Mapped[list[Post]] = relationship(primaryjoin="{join}")

class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int]
"""


def test_children_without_a_foreign_key_may_stay(tmp_path: Path) -> None:
    """Nothing tells whether they are the parent's at all."""
    module = imported(tmp_path, KEYLESS.format(key="", join="User.id == foreign(Post.user_id)"))
    (finding,) = findings_of("blank-out-not-null", audit(subject(module)))
    parts = "If the children are to keep", 'passive_deletes="all")', "If they are to go", "cascade=", "Declare"
    lines = [line for line in finding.fix.splitlines() if not line.startswith("- ")]
    assert all(part in line for part, line in zip(parts, lines, strict=True))


def test_a_join_against_its_foreign_key_is_not_to_delete(tmp_path: Path) -> None:
    """As with the task instance of Airflow's reschedules, which would go with each of them."""
    models = KEYLESS.format(key="ForeignKey('posts.id')", join="User.post_id == foreign(Post.id)")
    (finding,) = findings_of("blank-out-primary-key", audit(subject(imported(tmp_path, models))))
    lines = finding.fix.splitlines()
    assert lines[0].startswith("The foreign key leads the other way")
    assert lines[-1].endswith(", viewonly=True)")
