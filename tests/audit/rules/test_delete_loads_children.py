"""``delete-loads-children``: children that are loaded to be deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from audit.models import imported, message, targets

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

RULE = "delete-loads-children"
MODELS = """\
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    posts: Mapped[list[Post]] = relationship({arguments})

class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"{rule}))
"""
SAID = """\
info delete-loads-children User.posts
it loads Post to delete it, which its key does by itself.
session.delete() of a User reads its children before, and theirs, by a query each.
-     posts: Mapped[list[Post]] = relationship(cascade='all')
+     posts: Mapped[list[Post]] = relationship(cascade='all', passive_deletes=True)"""


def test_what_it_says(tmp_path: Path) -> None:
    """The key is there, and isn't made use of."""
    assert message(tmp_path, RULE, MODELS.format(arguments="cascade='all'", rule=", ondelete='CASCADE'")) == SAID


@pytest.mark.parametrize(
    "arguments", ["cascade='all, delete-orphan'", "cascade='all', lazy='raise'", "cascade='all', lazy='dynamic'"]
)
def test_it_fires(tmp_path: Path, arguments: str) -> None:
    """Even where loading is forbidden: a delete may."""
    assert targets(tmp_path, RULE, MODELS.format(arguments=arguments, rule=", ondelete='CASCADE'")) == ["User.posts"]


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ("cascade='all', passive_deletes=True", "CASCADE"),
        ("cascade='all', lazy='joined'", "CASCADE"),
        ("cascade='all', lazy='selectin'", "CASCADE"),
        ("cascade='all'", "NO ACTION"),
        ("", "CASCADE"),
    ],
)
def test_the_near_miss(tmp_path: Path, arguments: str, rule: str) -> None:
    """They are not loaded for it, are there anyway, or the database would not delete them."""
    assert targets(tmp_path, RULE, MODELS.format(arguments=arguments, rule=f", ondelete={rule!r}")) == []


BELOW = """\
    {relation}

class Comment(Base):
    __tablename__ = "comments"
    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int | None] = mapped_column(ForeignKey("posts.id"{rule}))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"{direct}))

class File(Base):
    __tablename__ = "files"
    id: Mapped[int] = mapped_column(primary_key=True)

filing = Table(
    "filing",
    Base.metadata,
    Column("post_id", ForeignKey("posts.id"{rule}), primary_key=True),
    Column("file_id", ForeignKey("files.id"), primary_key=True),
)
"""
COMMENTS = "comments: Mapped[list[Comment]] = relationship({})"
FILE = """file_id: Mapped[int | None] = mapped_column(ForeignKey("files.id"))
    file: Mapped[File | None] = relationship(single_parent=True{})"""
FILES = 'files: Mapped[list[File]] = relationship(secondary="filing"{})'
CASCADE = ", ondelete='CASCADE'"


@pytest.mark.parametrize(
    ("relation", "rule", "direct", "found"),
    [
        (COMMENTS.format("cascade='all'"), CASCADE, CASCADE, ["Post.comments", "User.posts"]),
        (COMMENTS.format("cascade='all'"), "", CASCADE, []),
        (COMMENTS.format("cascade='all'"), CASCADE, "", ["Post.comments"]),
        (COMMENTS.format(""), CASCADE, CASCADE, []),
        (COMMENTS.format(""), ", ondelete='SET NULL'", CASCADE, ["User.posts"]),
        (COMMENTS.format("viewonly=True"), "", CASCADE, ["User.posts"]),
        (FILE.format(""), CASCADE, CASCADE, ["User.posts"]),
        (FILE.format(", cascade='all'"), CASCADE, CASCADE, []),
        (FILES.format(""), CASCADE, CASCADE, ["User.posts"]),
        (FILES.format(""), "", CASCADE, []),
        (FILES.format(", cascade='all'"), CASCADE, CASCADE, []),
    ],
)
def test_what_hangs_on_the_children_counts(
    tmp_path: Path, relation: str, rule: str, direct: str, found: list[str]
) -> None:
    """The database would leave, or refuse, what the session takes care of: as the servers of JupyterHub's spawners."""
    models = MODELS.format(arguments="cascade='all'", rule=CASCADE)
    below = BELOW.format(relation=relation, rule=rule, direct=direct)
    assert targets(tmp_path, RULE, models + below) == found


def test_a_tree_goes_by_itself(tmp_path: Path) -> None:
    """Whose children are of the same kind."""
    models = """\
class Node(Base):
    __tablename__ = "nodes"
    id: Mapped[int] = mapped_column(primary_key=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("nodes.id", ondelete="CASCADE"))
    children: Mapped[list[Node]] = relationship(cascade="all")
"""
    assert targets(tmp_path, RULE, models) == ["Node.children"]


@pytest.mark.parametrize(
    ("on", "rule", "found"),
    [
        ("posts", CASCADE, ["User.posts"]),
        ("posts", "", []),
        ("articles", CASCADE, []),
    ],
)
def test_a_row_in_two_tables(tmp_path: Path, on: str, rule: str, found: list[str]) -> None:
    """A CASCADE to the subclass's table would leave the base's row; one to the base's needs another to go on."""
    column = 'user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))'
    models = f"""\
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    posts: Mapped[list[{"Post" if on == "posts" else "Article"}]] = relationship(cascade="all")

class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    {column if on == "posts" else ""}
    __mapper_args__ = {{"polymorphic_on": "kind", "polymorphic_identity": "post"}}

class Article(Post):
    __tablename__ = "articles"
    id: Mapped[int] = mapped_column(ForeignKey("posts.id"{rule}), primary_key=True)
    {column if on == "articles" else ""}
    __mapper_args__ = {{"polymorphic_identity": "article"}}
"""
    assert targets(tmp_path, RULE, models) == found


def test_what_is_listened_to_is_the_session_s(tmp_path: Path) -> None:
    """The database calls nobody."""
    listener = "event.listen(Post, 'after_delete', print)\n"
    models = MODELS.format(arguments="cascade='all'", rule=CASCADE)
    assert targets(tmp_path, RULE, f"{models}\n{listener}") == []


@pytest.mark.parametrize(("arguments", "statements"), [("", 6), (", passive_deletes=True", 1)])
def test_how_many_statements_it_saves(tmp_path: Path, engine: Engine, arguments: str, statements: int) -> None:
    """One query for the posts, and one for the comments of each; then the deletes, of which those of the posts are one."""
    models = (
        MODELS.format(arguments=f"cascade='all'{arguments}", rule=", ondelete='CASCADE'")
        + f"""\
    comments: Mapped[list[Comment]] = relationship(cascade='all'{arguments})

class Comment(Base):
    __tablename__ = "comments"
    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))
"""
    )
    module = imported(tmp_path, models)
    module.Base.metadata.create_all(engine)
    seen: list[str] = []
    with Session(engine) as session:
        session.add(module.User(id=1, posts=[module.Post(id=number) for number in range(3)]))
        session.commit()
        user = session.get_one(module.User, 1)
        event.listen(engine, "before_cursor_execute", lambda *call: seen.append(call[2]))
        session.delete(user)
        session.flush()
    assert len(seen) == statements
