"""``models``: modules that define tables, and that env.py never imports."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest
from sqlalchemy import MetaData

from alembic_cascade.doctor.modules import modules

BASE = """\
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

class Base(DeclarativeBase):
    pass
"""
USER = """\
from shop.base import Base, Mapped, mapped_column

class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
"""
# Each is the rest of a module; the first list are models, the second are not.
MODELS = {
    "named": 'class A(Base):\n    __tablename__ = "a"\n    id: Mapped[int] = mapped_column(primary_key=True)',
    "by a table": "class A(Base):\n    __table__ = made()",
    "named by the base": "class A(Base):\n    id: Mapped[int] = mapped_column(primary_key=True)",
    "without a primary key of its own": "class A(Base):\n    name: Mapped[str]",
    "decorated": '@registry.mapped\nclass A:\n    __tablename__ = "a"',
    "SQLModel": "class A(SQLModel, table=True):\n    id: int = Field(primary_key=True)",
    "a table": "a = Table('a', Base.metadata, Column('id', Integer))",
    "a table without a name": "sa.Table('a', metadata, sa.Column('id', sa.Integer))",
    "in a try": "try:\n    a = Table('a', metadata, Column('id', Integer))\nexcept ImportError:\n    pass",
    "under a condition": "if POSTGRESQL:\n    class A(Base):\n        __tablename__ = 'a'",
}
NOT_MODELS = {
    "abstract": 'class A(Base):\n    __abstract__ = True\n    __tablename__ = "a"',
    "a mixin": 'class A:\n    __tablename__ = "a"\n    id: Mapped[int] = mapped_column(primary_key=True)',
    "a mixin's name": "class A(Other):\n    @declared_attr\n    def __tablename__(cls):\n        return cls.__name__",
    "single inheritance": "class A(User):\n    pass",
    "for types alone": 'if TYPE_CHECKING:\n    class A(Base):\n        __tablename__ = "a"',
    "for types alone, dotted": 'if typing.TYPE_CHECKING:\n    class A(Base):\n        __tablename__ = "a"',
    "run": 'if __name__ == "__main__":\n    class A(Base):\n        __tablename__ = "a"',
    "in a function": 'def made():\n    class A(Base):\n        __tablename__ = "a"',
    "SQLModel without a table": "class A(SQLModel):\n    id: int = Field(primary_key=True)",
    "a table to be thrown away": "a = Table('a', MetaData(), Column('id', Integer))",
    "no Python": "class A(Base)\n    __tablename__ = 'a'",
    "a base without columns": "class A(Base):\n    def f(self): pass",
    "something of its own": "class A(Form):\n    id = Column(primary_key=True)",
}


@dataclass
class Package:
    """The package ``shop`` in the working directory."""

    path: Path

    def write(self, name: str, text: str) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))

    def metadata(self, *names: str) -> MetaData:
        """That of the base, after env.py has imported these modules."""
        for name in names:
            importlib.import_module(name)
        found: MetaData = sys.modules["shop.base"].Base.metadata
        return found

    def said(self, *names: str) -> list[tuple[str, str]]:
        found = modules([self.metadata("shop.users", *names)], [self.path / "shop" / "scripts"])
        return [(one.verdict.value, one.said) for one in found]


WELL = [("ok", "env.py imports every module of shop that defines tables")]


@pytest.fixture
def package(own_imports: Path) -> Iterator[Package]:
    """A base and one model."""
    made = Package(own_imports)
    sys.path.insert(0, str(own_imports))
    made.write("shop/__init__.py", "")
    made.write("shop/base.py", BASE)
    made.write("shop/users.py", USER)
    yield made
    for name in [name for name in sys.modules if name.split(".")[0] in {"shop", "flat_models", "flat_more"}]:
        del sys.modules[name]


@pytest.mark.parametrize("text", MODELS.values(), ids=MODELS)
def test_a_module_that_env_py_does_not_import(package: Package, text: str) -> None:
    """However its tables are written, and how deep it is."""
    package.write("shop/billing/__init__.py", "")
    package.write("shop/billing/invoices.py", f"from shop.base import *\nraise SystemExit\n{text}")
    ((verdict, said),) = package.said()
    assert verdict == "to do"
    assert said.startswith("shop/billing/invoices.py defines ")
    assert "shop.billing.invoices" not in sys.modules


@pytest.mark.parametrize("text", NOT_MODELS.values(), ids=NOT_MODELS)
def test_what_makes_no_table(package: Package, text: str) -> None:
    """Nobody has to import it."""
    package.write("shop/others.py", text)
    assert package.said() == WELL


def test_a_module_that_env_py_imports(package: Package) -> None:
    """Under its own name, or under another one."""
    package.write("shop/invoices.py", USER.replace("User", "Invoice").replace("users", "invoices"))
    assert package.said()[0][0] == "to do"
    assert package.said("shop.invoices") == WELL
    sys.modules["invoices"] = sys.modules.pop("shop.invoices")
    assert package.said() == WELL
    del sys.modules["invoices"]


@pytest.mark.parametrize(
    "name", ["tests/models.py", "test_models.py", "conftest.py", "models_test.py", "scripts/versions/a.py", "venv/a.py"]
)
def test_tests_and_migrations_are_left_out(package: Package, name: str) -> None:
    """Their tables are their own."""
    package.write(f"shop/{name}", USER.replace("users", "others"))
    assert package.said() == WELL


def test_another_database_of_the_package(package: Package) -> None:
    """What has migrations of its own is theirs; what stands beside the project's own is not."""
    invoice = USER.replace("User", "Invoice").replace("users", "invoices")
    package.write("shop/auth/models.py", invoice)
    package.write("shop/auth/migrations/env.py", invoice)
    assert package.said()[0][0] == "to do"
    package.write("shop/auth/migrations/versions/one.py", invoice)
    assert package.said() == WELL
    package.write("shop/scripts/env.py", "")
    package.write("shop/scripts/versions/one.py", invoice)
    package.write("shop/more.py", invoice)
    assert [said.partition(" ")[0] for _, said in package.said()] == ["shop/more.py"]


def test_a_copy_of_models_that_are_there(package: Package) -> None:
    """It adds no table."""
    package.write("shop/initial_models.py", BASE + USER.partition("\n\n")[2])
    assert package.said() == WELL


def test_a_table_in_another_metadata(package: Package) -> None:
    """It is imported, and autogenerate does not see it all the same."""
    package.write("shop/legacy.py", BASE + USER.replace("from shop.base", "from sqlalchemy.orm").replace("Base, ", ""))
    assert package.said("shop.legacy") == [
        ("to do", "User of shop/legacy.py: the table is in no MetaData that env.py gives to context.configure()")
    ]
    other = sys.modules["shop.legacy"].Base.metadata
    found = modules([package.metadata(), other], [])
    assert [one.verdict.value for one in found] == ["ok"]


def test_modules_beside_each_other(package: Package) -> None:
    """Without a package, a module belongs to the models if it imports them."""
    package.write("flat_models.py", BASE + USER.partition("\n\n")[2])
    package.write("flat_more.py", "from flat_models import Base\nclass A(Base):\n    __tablename__ = 'a'")
    package.write("flat_other.py", "from elsewhere import Base\nclass A(Base):\n    __tablename__ = 'a'")
    metadata = importlib.import_module("flat_models").Base.metadata
    found = modules([metadata], [])
    assert [one.advice for one in found] == ["In env.py: import flat_more."]


def test_a_namespace_package_that_is_found_twice(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where env.py is run again, and puts its directory before the path again: each module is told once."""
    (package.path / "shop/__init__.py").unlink()
    monkeypatch.syspath_prepend(package.path)
    package.write("shop/invoices.py", USER.replace("User", "Invoice").replace("users", "invoices"))
    assert [said.partition(",")[0] for _, said in package.said()] == ["shop/invoices.py defines Invoice"]


def test_tables_without_models(package: Package) -> None:
    """The package is that of the MetaData."""
    package.write(
        "shop/base.py", "from sqlalchemy import MetaData\nclass Base:\n    metadata = MetaData()\nm = Base.metadata"
    )
    package.write(
        "shop/users.py",
        "from sqlalchemy import *\nfrom shop.base import m\nusers = Table('users', m, Column('id', Integer))",
    )
    package.write(
        "shop/posts.py",
        "from sqlalchemy import *\nfrom shop.base import m\nposts = Table('posts', m, Column('id', Integer))",
    )
    assert [said.partition(",")[0] for _, said in package.said()] == ["shop/posts.py defines posts"]


def test_no_tables_at_all() -> None:
    """Autogenerate would drop all there are."""
    (found,) = modules([], [])
    assert found.said == "target_metadata has no tables: autogenerate would drop every one that the database has"
