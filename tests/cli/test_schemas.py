"""The JSON Schemas of the documentation: each command's document is as its schema says, to the last field."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from test_docs import DOCS, page

from alembic_cascade.cli.commands import cascade

if TYPE_CHECKING:
    from orphaned import Site
    from rehearsed import Shop

SCHEMAS = {path.stem: json.loads(path.read_text()) for path in (DOCS / "schemas").glob("*.json")}

MODELS = """
class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    posts = relationship("Post", back_populates="user")


class Post(Base):
    __tablename__ = "posts"
    id = Column(Integer, primary_key=True)
    user_id = Column(ForeignKey("users.id", ondelete="CASCADE"), nullable=False)
    editor_id = Column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    user = relationship("User", back_populates="posts", foreign_keys=user_id)
    editor = relationship(
        "User", foreign_keys=editor_id,
        info={"alembic_cascade": {"waive": {"one-sided-back-populates": "nobody asks a user for it"}}},
    )
"""
TABLES = (
    "CREATE TABLE users (id integer PRIMARY KEY)",
    "CREATE TABLE posts (id integer PRIMARY KEY, user_id integer, editor_id integer REFERENCES users)",
    "CREATE TABLE comments (id integer PRIMARY KEY, post_id integer REFERENCES posts ON DELETE CASCADE, noted timestamptz)",
    "INSERT INTO users VALUES (1), (2)",
    "INSERT INTO posts VALUES (10, 1, 2), (20, 7, NULL), (30, NULL, 1)",
    "INSERT INTO comments VALUES (100, 20, now()), (200, 10, NULL)",
)
COMMANDS = {
    "audit": ("audit",),
    "audit of models": ("audit", "--models-only"),
    "compare": ("compare", "schema.sql"),
    "doctor": ("doctor",),
    "impact": ("impact", "users", "--where", "true"),
    "orphans": ("orphans", "--all"),
    "orphans dry-run": ("orphans", "--dry-run"),
    "orphans fix": ("orphans", "--fix", "--yes"),
    "report": ("report", "--orphans", "--samples", "--table", "users"),
    "report of models": ("report", "--models-only"),
    "verify": ("verify",),
}


def printed(*command: str) -> Any:
    """The document of a command that could run."""
    sys.modules.pop("app_models", None)
    result = CliRunner().invoke(cascade, [*command, "--format", "json"], catch_exceptions=False)
    assert result.exit_code in {0, 1}, result.output
    return json.loads(result.stdout)


def check(schema: str, document: Any) -> None:
    """Hold a document to its schema, which has to be one itself."""
    Draft202012Validator.check_schema(SCHEMAS[schema])
    assert [error.message for error in Draft202012Validator(SCHEMAS[schema]).iter_errors(document)] == []


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_document_is_as_its_schema_says(site: Site, name: str) -> None:
    """A field that is not in the schema is one that nobody was told of, and one that is missing breaks a program."""
    site.model(MODELS)
    site.execute(*TABLES)
    (site.path / "schema.sql").write_text("CREATE TABLE users (id bigint PRIMARY KEY);")
    document = printed(*COMMANDS[name])
    check(name.partition(" ")[0], document)
    assert any(value for value in document.values() if isinstance(value, list)), "nothing was held to the schema"


@pytest.mark.parametrize("command", ["list", "show"])
def test_a_document_of_the_quarantine_is_as_its_schema_says(site: Site, command: str) -> None:
    """Rows that were removed, and one that lost a value."""
    site.model(MODELS)
    site.execute(*TABLES)
    revision = printed("orphans", "--fix", "--yes")["revision"]
    document = printed("quarantine", command, *([revision] if command == "show" else []))
    assert document["tables"]
    check(f"quarantine-{command}", document)


def test_a_document_of_a_rehearsal_is_as_its_schema_says(shop: Shop) -> None:
    """With a reason, operations that hold locks, and proofs; and one of nothing to rehearse."""
    shop.open()
    check("rehearse", printed("rehearse", "--rollback"))
    shop.write("two", "op.execute('DELETE FROM posts WHERE id = 1')")
    document = printed("rehearse", "--rollback")
    assert document["rehearsal"]["reasons"]
    assert document["rehearsal"]["phases"][0]["operations"][0]["tables"]
    assert document["rehearsal"]["proofs"]
    check("rehearse", document)


def test_each_schema_is_strict_and_on_the_page() -> None:
    """An object that takes any field would hold nobody to anything."""
    tested = {name.partition(" ")[0] for name in COMMANDS} | {"quarantine-list", "quarantine-show", "rehearse"}
    assert set(SCHEMAS) == tested
    for name, schema in SCHEMAS.items():
        assert f":download:`{name}.json <schemas/{name}.json>`" in page("schemas.rst")
        assert schema["additionalProperties"] is False
