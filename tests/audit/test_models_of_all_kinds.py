"""Models in the many ways in which they can be written: what is said of each, and where."""

from __future__ import annotations

import sys
from importlib import import_module
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import MetaData
from sqlmodel import SQLModel

from alembic_cascade import CascadeConfig
from alembic_cascade.audit.auditing import audit
from alembic_cascade.audit.findings import Finding
from alembic_cascade.audit.mapped import mapped_models
from alembic_cascade.audit.subject import Subject
from audit.models import findings_of, imported

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RULE = "unindexed-foreign-key"


def findings(*metadatas: MetaData) -> list[Finding]:
    """What one rule finds in the models of imported modules."""
    return findings_of(RULE, audit(Subject(metadatas, mapped_models(metadatas), CascadeConfig())))


def line_of(finding: Finding, directory: Path) -> str | None:
    """The line that a finding is about, in the one module of models that there is."""
    (file,) = directory.glob("audited_models_*.py")
    return None if finding.place is None else file.read_text().splitlines()[finding.place.line - 1].strip()


USERS = """\
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
"""
LINE = 'user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))'


@pytest.mark.parametrize(
    ("models", "line", "fix"),
    [
        pytest.param(
            """\
            class Owned:
                user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))

            class Post(Owned, Base):
                __tablename__ = "posts"
                id: Mapped[int] = mapped_column(primary_key=True)
            """,
            LINE,
            f"-     {LINE}",
            id="a mixin",
        ),
        pytest.param(
            """\
            class Owned:
                @declared_attr
                def user_id(cls) -> Mapped[int]:
                    return mapped_column(ForeignKey("users.id"))

            class Post(Owned, Base):
                __tablename__ = "posts"
                id: Mapped[int] = mapped_column(primary_key=True)
            """,
            "def user_id(cls) -> Mapped[int]:",
            '-         return mapped_column(ForeignKey("users.id"))',
            id="a declared_attr",
        ),
        pytest.param(
            """\
            class Post(Base):
                __tablename__ = "posts"
                id: Mapped[int] = mapped_column(primary_key=True)
                owner: Mapped[int] = mapped_column("user_id", ForeignKey("users.id"))
            """,
            'owner: Mapped[int] = mapped_column("user_id", ForeignKey("users.id"))',
            '-     owner: Mapped[int] = mapped_column("user_id", ForeignKey("users.id"))',
            id="another name of the attribute",
        ),
        pytest.param(
            """\
            class Post(Base):
                __tablename__ = "posts"
                id = Column(Integer, primary_key=True)
                user_id = Column(
                    Integer,
                    ForeignKey("users.id"),
                )
            """,
            "user_id = Column(",
            "+         index=True,",
            id="a plain column of several lines",
        ),
        pytest.param(
            """\
            posts = Table(
                "posts",
                Base.metadata,
                Column("id", Integer, primary_key=True),
                Column("user_id", ForeignKey("users.id")),
            )
            """,
            'Column("user_id", ForeignKey("users.id")),',
            '-     Column("user_id", ForeignKey("users.id")),',
            id="a table",
        ),
        pytest.param(
            """\
            posts = Table("posts", Base.metadata, Column("id", Integer, primary_key=True),
                          Column("user_id", ForeignKey("users.id")))

            class Post:
                pass

            Base.registry.map_imperatively(Post, posts)
            """,
            'Column("user_id", ForeignKey("users.id")))',
            '-               Column("user_id", ForeignKey("users.id")))',
            id="an imperative mapping",
        ),
        pytest.param(
            """\
            class Post(Base):
                __table__ = Table(
                    "posts",
                    Base.metadata,
                    Column("id", Integer, primary_key=True),
                    Column("user_id", ForeignKey("users.id")),
                )
            """,
            "class Post(Base):",
            'posts: Index("ix_posts_user_id", "user_id")',
            id="a table of a class",
        ),
        pytest.param(
            """\
            class Item(Base):
                __tablename__ = "posts"
                id: Mapped[int] = mapped_column(primary_key=True)
                kind: Mapped[str]
                __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "item"}

            class Note(Item):
                __mapper_args__ = {"polymorphic_identity": "note"}

            class Post(Item):
                user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
                __mapper_args__ = {"polymorphic_identity": "post"}
            """,
            'user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))',
            '-     user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))',
            id="inheritance in one table",
        ),
        pytest.param(
            """\
            for name in ("posts",):
                Table(name, Base.metadata, Column("id", Integer, primary_key=True),
                      Column("user_id", ForeignKey("users.id")))
            """,
            None,
            'posts: Index("ix_posts_user_id", "user_id")',
            id="a table that nobody holds",
        ),
    ],
)
def test_where_a_key_is_written(tmp_path: Path, models: str, line: str | None, fix: str) -> None:
    """The line that is to be changed, and what it is to become; else what is to be done, in words."""
    module = imported(tmp_path, USERS + "\n" + dedent(models))
    (found,) = findings(module.Base.metadata)
    assert found.target == "posts.user_id -> users.id"
    assert line_of(found, tmp_path) == line
    assert fix in found.fix.splitlines()


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of models, ready for its modules to be written."""
    package = tmp_path / "shop"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "base.py").write_text(
        "from sqlalchemy.orm import DeclarativeBase\n\nclass Base(DeclarativeBase):\n    pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield package
    for name in [name for name in sys.modules if name.split(".")[0] == "shop"]:
        del sys.modules[name]


HEAD = """\
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship
from shop.base import Base

"""
POSTS = """\
class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
"""


def test_models_in_a_package(shop: Path) -> None:
    """Files are named from the working directory."""
    (shop / "users.py").write_text(HEAD + USERS)
    (shop / "posts.py").write_text(HEAD + POSTS)
    import_module("shop.users")
    (found,) = findings(import_module("shop.posts").Base.metadata)
    assert str(found.place) == "shop/posts.py:8"


@pytest.mark.parametrize("change", ["removed", "not UTF-8", "no Python"])
def test_a_file_that_can_not_be_read(shop: Path, change: str) -> None:
    """What is found is told without a line."""
    (shop / "models.py").write_text(HEAD + USERS + POSTS)
    models = import_module("shop.models")
    match change:
        case "removed":
            (shop / "models.py").unlink()
        case "not UTF-8":
            (shop / "models.py").write_bytes(b"# \xff\xfe\n")
        case _:
            (shop / "models.py").write_text("class")
    (found,) = findings(models.Base.metadata)
    assert found.place is None
    assert found.fix.startswith('posts: Index("ix_posts_user_id", "user_id")\n')


def test_two_models_of_one_name(shop: Path) -> None:
    """Each in its module, with a registry and metadata of its own."""
    for name in ("one", "two"):
        text = HEAD.replace("from shop.base import Base\n", "from sqlalchemy.orm import DeclarativeBase\n")
        text += "class Base(DeclarativeBase):\n    pass\n\n" + USERS + POSTS
        (shop / f"{name}.py").write_text(text)
    one, two = (import_module(f"shop.{name}") for name in ("one", "two"))
    found = findings(one.Base.metadata, two.Base.metadata)
    assert [str(finding.place) for finding in found] == ["shop/one.py:14", "shop/two.py:14"]
    assert len(findings(two.Base.metadata)) == 1


def test_sqlmodel(shop: Path) -> None:
    """Its own field says which table is referred to."""
    (shop / "models.py").write_text(
        "from sqlmodel import Field, SQLModel\n\n"
        "class Shopper(SQLModel, table=True):\n    id: int | None = Field(default=None, primary_key=True)\n\n"
        "class Basket(SQLModel, table=True):\n    id: int | None = Field(default=None, primary_key=True)\n"
        '    shopper_id: int = Field(foreign_key="shopper.id")\n'
    )
    models = import_module("shop.models")
    try:
        (found,) = findings(SQLModel.metadata)
        assert str(found.place) == "shop/models.py:8"
        assert '+     shopper_id: int = Field(foreign_key="shopper.id", index=True)' in found.fix
    finally:
        for table in (models.Basket.__table__, models.Shopper.__table__):
            SQLModel.metadata.remove(table)


def test_a_lambda_that_fails(tmp_path: Path) -> None:
    """The mapper is broken, and the tables are looked at all the same."""
    models = USERS + dedent(POSTS) + "    user = relationship(lambda: Nobody)\n"
    metadata = imported(tmp_path, models).Base.metadata
    found = audit(Subject((metadata,), mapped_models((metadata,)), CascadeConfig())).findings
    assert [finding.rule for finding in found] == ["broken-mapper", RULE]


def test_what_modules_hold_is_not_woken(tmp_path: Path) -> None:
    """Lazy objects of other packages do what they like when they are asked what they are."""
    lazy = """\
    class Lazy:
        @property
        def __class__(self):
            raise RuntimeError

    lazy = Lazy()
    """
    metadata = imported(tmp_path, USERS + dedent(lazy)).Base.metadata
    assert len(mapped_models((metadata,)).mappers) == 1
    assert findings(metadata) == []


def test_a_mapper_of_something_that_is_no_table(tmp_path: Path) -> None:
    """It has no keys of its own."""
    models = """\
    class Both(Base):
        __table__ = select(User.__table__).subquery()
        __mapper_args__ = {"primary_key": [__table__.c.id]}
    """
    assert findings(imported(tmp_path, USERS + dedent(models)).Base.metadata) == []
