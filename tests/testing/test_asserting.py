"""What becomes of rows when another is deleted, asserted: what holds, and what is said where it does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, ForeignKey, ForeignKeyConstraint, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from alembic_cascade.testing import AssertCascades, CascadeDatabase, MakeRow

if TYPE_CHECKING:
    from collections.abc import Iterator


class Base(DeclarativeBase):
    """A blog with accounts."""


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    posts: Mapped[list[Post]] = relationship(passive_deletes=True, foreign_keys="Post.user_id")
    tags: Mapped[list[Tag]] = relationship()


class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    editor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))


class Comment(Base):
    __tablename__ = "comments"
    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))


class Invoice(Base):
    __tablename__ = "invoices"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", deferrable=True, initially="DEFERRED"))


class Tag(Base):
    __tablename__ = "tags"
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)


class TagNote(Base):
    __tablename__ = "tag_notes"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None]
    name: Mapped[str | None]
    __table_args__ = (
        ForeignKeyConstraint(["user_id", "name"], ["tags.user_id", "tags.name"], ondelete="SET NULL (name)"),
    )


class Member(User):
    __tablename__ = "members"
    id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)


class Guest(Base):
    """Joined to its base by a table that deletes alone."""

    __tablename__ = "guests"
    id: Mapped[int] = mapped_column(primary_key=True)


class VipGuest(Guest):
    __tablename__ = "vip_guests"
    id: Mapped[int] = mapped_column(ForeignKey("guests.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))


@dataclass(frozen=True)
class Fixtures:
    """As the plugin gives them."""

    make_row: MakeRow
    assert_cascades: AssertCascades
    session: Session


@pytest.fixture
def own(engine: Engine) -> Iterator[Fixtures]:
    """The tables, in a transaction that is not committed."""
    with engine.connect() as connection:
        Base.metadata.create_all(connection)
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            database = CascadeDatabase(connection, session, (Base.metadata,))
            yield Fixtures(MakeRow(database), AssertCascades(database), session)


def said(own: Fixtures, *rows: Any, **expected: Any) -> str:
    """What a failing assertion says, without the numbers of the rows."""
    with pytest.raises(pytest.fail.Exception) as failed:
        own.assert_cascades(*rows, **expected)
    return str(failed.value)


@pytest.mark.parametrize("by", ["session", "sql"])
def test_rows_go_and_let_go_as_asserted(own: Fixtures, by: Any) -> None:
    """By whole ways of keys, by the session or by SQL; the parent is gone afterwards."""
    user = own.make_row(User)
    post = own.make_row(Post, user_id=user.id)
    comments = [own.make_row(Comment, post_id=post.id) for _ in range(2)]
    edited = own.make_row(Post, editor_id=user.id)
    own.assert_cascades(user, gone=[post, *comments], nulled=[edited], by=by)
    assert own.session.get(Post, edited.id).editor_id is None
    assert own.session.scalars(select(User.id)).all() == [edited.user_id]


def test_only_some_columns_of_a_key_may_let_go(own: Fixtures) -> None:
    """SET NULL (name) keeps the others."""
    tag = own.make_row(Tag, name="red")
    note = own.make_row(TagNote, user_id=tag.user_id, name="red")
    own.assert_cascades(tag, nulled=[note], by="sql")
    assert note.user_id == tag.user_id


@pytest.mark.parametrize("by", ["session", "sql"])
def test_a_deferred_key_refuses_at_once(own: Fixtures, by: Any) -> None:
    """A test does not commit, and a refusal has to be seen; what was refused has changed nothing."""
    user = own.make_row(User)
    invoice, post = own.make_row(Invoice, user_id=user.id), own.make_row(Post, user_id=user.id)
    own.assert_cascades(user, refused=True, by=by)
    assert (own.session.get(Post, post.id), own.session.get(Invoice, invoice.id)) == (post, invoice)


def test_what_the_session_itself_refuses_is_a_refusal(own: Fixtures) -> None:
    """SQLAlchemy would set NULL in a primary key, and raises before the database is asked."""
    tag = own.make_row(Tag)
    user = own.session.get(User, tag.user_id)
    own.assert_cascades(user, refused=True)
    own.assert_cascades(user, gone=[tag], by="sql")


def test_what_a_listener_refuses_is_no_refusal(own: Fixtures) -> None:
    """It is the application's own error, and says nothing of keys."""
    user = own.make_row(User)

    def refuse(_mapper: object, _connection: object, _target: object) -> None:
        raise AssertionError("no request")

    event.listen(User, "before_delete", refuse)
    try:
        with pytest.raises(AssertionError, match="no request"):
            own.assert_cascades(user, refused=True)
    finally:
        event.remove(User, "before_delete", refuse)


def test_an_object_of_several_tables_is_gone_when_all_its_rows_are(own: Fixtures) -> None:
    """A key that deletes the row of a subclass leaves that of its base."""
    member = own.make_row(Member)
    own.assert_cascades(member, gone=[own.make_row(Post, user_id=member.id)], by="sql")
    vip = own.make_row(VipGuest)
    number, user = vip.id, own.session.get(User, vip.user_id)
    assert said(own, user, gone=[vip]) == (
        f"The delete of User {user.id} by session.delete() was not as asserted:\n"
        f"  VipGuest {number} was to be gone, and its row of guests is still there\n"
        "In the database,\n"
        "  vip_guests.id -> guests is ON DELETE CASCADE\n"
        "  vip_guests.user_id -> users is ON DELETE CASCADE"
    )


def test_what_is_not_as_asserted_is_said_with_the_rules_of_the_keys(own: Fixtures) -> None:
    """One look at the failure says which side is wrong."""
    user = own.make_row(User)
    post, edited = own.make_row(Post, user_id=user.id), own.make_row(Post, editor_id=user.id)
    assert said(own, user, gone=[edited], nulled=[post], by="sql") == (
        f"The delete of User {user.id} by SQL was not as asserted:\n"
        f"  Post {edited.id} was to be gone, and is still there\n"
        f"  Post {post.id} was to stay, with NULL in posts.user_id, and is gone\n"
        "In the database,\n"
        "  posts.editor_id -> users is ON DELETE SET NULL\n"
        "  posts.user_id -> users is ON DELETE CASCADE"
    )


def test_a_delete_that_is_refused_or_is_not_is_said(own: Fixtures) -> None:
    """With what refused it."""
    invoice = own.make_row(Invoice)
    user = own.session.get(User, invoice.user_id)
    text = said(own, user, gone=[invoice])
    assert text.startswith(f"The delete of User {user.id} by session.delete() was refused: update or delete on table")
    assert text.endswith("\nIn the database,\n  invoices.user_id -> users is ON DELETE NO ACTION")
    post = own.make_row(Post)
    assert (
        said(own, post, refused=True)
        == f"The delete of Post {post.id} by session.delete() was to be refused, and was not."
    )


def test_a_row_that_keeps_its_reference_is_said(own: Fixtures) -> None:
    """As where no foreign key acts at all."""
    own.session.connection().exec_driver_sql("ALTER TABLE posts DROP CONSTRAINT posts_editor_id_fkey")
    user = own.make_row(User)
    edited = own.make_row(Post, editor_id=user.id)
    assert said(own, user, nulled=[edited], by="sql").splitlines()[1] == (
        f"  Post {edited.id} was to have NULL in posts.editor_id, and has {user.id}"
    )


def test_a_wrong_use_is_said(own: Fixtures) -> None:
    """It would assert nothing."""
    user, post = own.make_row(User), own.make_row(Post)
    assert said(own, user, nulled=[post]) == (
        f"Post {post.id} refers neither to User {user.id} nor to a row that is to go: nothing can be nulled there"
    )
    assert said(own, 3) == "3 is no object of a mapped class"
    assert said(own, User()) == "User is no row of the session of cascade_database"
    assert said(own, user, gone=[post], refused=True) == (
        "assert_cascades(): where the delete is refused, nothing is gone or nulled"
    )
    assert said(own, user, by="SQL") == "assert_cascades(): by is one of ('session', 'sql'), and not 'SQL'"
