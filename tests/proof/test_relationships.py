"""Relationships: what ``session.delete()`` does to rows, held against what the relationship and its key promise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from audit.models import imported

from proof.proved import all_proofs, execute, not_proved, told

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from alembic_cascade.proof import Proof

FAMILY = """
class Parent(Base):
    __tablename__ = "parents"
    id: Mapped[int] = mapped_column(primary_key=True)
    children: Mapped[list[Child]] = relationship({relationship})

class Child(Base):
    __tablename__ = "children"
    id: Mapped[int] = mapped_column(primary_key=True)
    parent_id: Mapped[int{null}] = mapped_column(ForeignKey("parents.id"{rule}){column})
"""


def family(relationship: str = "", rule: str | None = None, *, nullable: bool = True, column: str = "") -> str:
    """A parent and its children."""
    written = "" if rule is None else f', ondelete="{rule}"'
    return FAMILY.format(relationship=relationship, rule=written, null=" | None" if nullable else "", column=column)


def relationships(directory: Path, engine: Engine, text: str, *statements: str) -> list[Proof]:
    """The proofs of the relationships of models, on the database that has their tables, changed by ``statements``."""
    metadata = imported(directory, text).Base.metadata
    metadata.create_all(engine)
    execute(engine, *statements)
    return [proof for proof in all_proofs(engine, metadata) if proof.kind == "relationship"]


DELETES = 'cascade="all, delete-orphan"'
PASSIVE = f"{DELETES}, passive_deletes=True"

# Models, then what happens to the children of a parent that is deleted.
KEPT = {
    "SQLAlchemy deletes": (family(DELETES), "gone"),
    "SQLAlchemy deletes what may not be NULL": (family(DELETES, nullable=False), "gone"),
    "SQLAlchemy deletes in spite of RESTRICT": (family(DELETES, "RESTRICT"), "gone"),
    "the key deletes": (family(PASSIVE, "CASCADE", nullable=False), "gone"),
    "both delete": (family(DELETES, "CASCADE"), "gone"),
    "SQLAlchemy sets NULL": (family(), "parent_id NULL"),
    "both set NULL": (family("", "SET NULL"), "parent_id NULL"),
    "the key sets NULL": (family("passive_deletes=True", "SET NULL"), "parent_id NULL"),
    "the key alone sets NULL": (family('passive_deletes="all"', "SET NULL"), "parent_id NULL"),
    "the key alone deletes": (family('passive_deletes="all"', "CASCADE"), "gone"),
    "the key alone refuses": (family('passive_deletes="all"', "RESTRICT"), "refused"),
    "neither lets the parent go": (family(nullable=False), "refused"),
    "a query in the place of the children": (family('lazy="dynamic", cascade="all"'), "gone"),
    "children that are written only": (
        family('lazy="write_only", cascade="all, delete-orphan", passive_deletes=True', "CASCADE").replace(
            "Mapped[list[Child]]", "WriteOnlyMapped[Child]"
        ),
        "gone",
    ),
    "children that must not be loaded": (family('lazy="raise", cascade="all"'), "gone"),
    "children that come along": (family('lazy="joined", cascade="all"'), "gone"),
}


@pytest.mark.parametrize("case", KEPT)
def test_a_promise_that_is_kept(tmp_path: Path, engine: Engine, case: str) -> None:
    """By SQLAlchemy, by the key, or by both."""
    models, happened = KEPT[case]
    found = relationships(tmp_path, engine, models)
    assert told(found) == [("Parent.children", "proved", happened)], found


BROKEN = {
    "NULL comes before CASCADE": (family("", "CASCADE"), "parent_id NULL"),
    "NULL where none may be": (family("", "CASCADE", nullable=False), "refused"),
    "NULL comes before RESTRICT": (family("", "RESTRICT"), "parent_id NULL"),
    "NULL comes before SET DEFAULT": (
        family("", "SET DEFAULT", column=', server_default="7"'),
        "parent_id NULL",
    ),
    "the key is left to delete and refuses": (family(PASSIVE), "refused"),
    "the key is left to delete and sets NULL": (family(PASSIVE, "SET NULL"), "parent_id NULL"),
    "the primary key would be blanked out": (
        family("", "CASCADE", nullable=False, column=", primary_key=True").replace(
            "    id: Mapped[int] = mapped_column(primary_key=True)\n    parent_id", "    parent_id"
        ),
        "refused",
    ),
    "write only, and nobody else deletes": (
        family('lazy="write_only", cascade="all, delete-orphan"', "CASCADE").replace(
            "Mapped[list[Child]]", "WriteOnlyMapped[Child]"
        ),
        "refused",
    ),
    "NULL once the children are loaded": (family("passive_deletes=True", "CASCADE"), "parent_id NULL, once loaded"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_promise_that_is_broken(tmp_path: Path, engine: Engine, case: str) -> None:
    """The models contradict themselves, and nobody sees it before a parent is deleted."""
    models, happened = BROKEN[case]
    found = relationships(tmp_path, engine, models)
    assert told(found) == [("Parent.children", "broken", happened)], found
    assert found[0].reason is not None


@pytest.mark.parametrize(
    ("change", "happened"),
    [("ON DELETE NO ACTION", "refused"), ("ON DELETE SET NULL", "parent_id NULL"), ("", "refused"), (None, "stays")],
)
def test_a_database_that_does_not_do_its_part(
    tmp_path: Path, engine: Engine, change: str | None, happened: str
) -> None:
    """passive_deletes leaves the children to a key that is not what the models say."""
    statements = ["ALTER TABLE children DROP CONSTRAINT children_parent_id_fkey"]
    if change is not None:
        statements.append(f"ALTER TABLE children ADD FOREIGN KEY (parent_id) REFERENCES parents {change}")
    (found,) = relationships(tmp_path, engine, family(PASSIVE, "CASCADE"), *statements)
    assert (found.outcome, found.promised, found.happened) == ("broken", "gone", happened)


def test_other_kinds_of_relationships(tmp_path: Path, engine: Engine) -> None:
    """Both ends of a key, links, trees, and classes that share rows."""
    found = relationships(
        tmp_path,
        engine,
        """
        links = Table("links", Base.metadata,
            Column("post_id", ForeignKey("posts.id"), primary_key=True),
            Column("tag_id", ForeignKey("tags.id", ondelete="CASCADE"), primary_key=True))

        class Node(Base):
            __tablename__ = "nodes"
            id: Mapped[int] = mapped_column(primary_key=True)
            parent_id: Mapped[int | None] = mapped_column(ForeignKey("nodes.id"))
            parent: Mapped[Node | None] = relationship(back_populates="children", remote_side=id)
            children: Mapped[list[Node]] = relationship(back_populates="parent", cascade="all, delete-orphan")

        class Tag(Base):
            __tablename__ = "tags"
            id: Mapped[int] = mapped_column(primary_key=True)
            posts: Mapped[list[Post]] = relationship(secondary=links, back_populates="tags", passive_deletes=True)

        class Author(Base):
            __tablename__ = "authors"
            id: Mapped[int] = mapped_column(primary_key=True)
            kind: Mapped[str]
            posts: Mapped[list[Post]] = relationship(back_populates="author", cascade="all, delete-orphan")
            public_posts: Mapped[list[Post]] = relationship(viewonly=True)
            __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_abstract": True}

        class Person(Author):
            __tablename__ = "people"
            id: Mapped[int] = mapped_column(ForeignKey("authors.id", ondelete="CASCADE"), primary_key=True)
            pets: Mapped[list[Pet]] = relationship(cascade="all, delete-orphan")
            __mapper_args__ = {"polymorphic_identity": "person"}

        class Robot(Author):
            __mapper_args__ = {"polymorphic_identity": "robot"}

        class Pet(Base):
            __tablename__ = "pets"
            id: Mapped[int] = mapped_column(primary_key=True)
            person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))

        class Post(Base):
            __tablename__ = "posts"
            id: Mapped[int] = mapped_column(primary_key=True)
            author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"))
            state: Mapped[str] = mapped_column(Enum("draft", "public", native_enum=False, create_constraint=False))
            author: Mapped[Author] = relationship(back_populates="posts")
            tags: Mapped[list[Tag]] = relationship(secondary=links, back_populates="posts")
        """,
    )
    assert told(found) == [
        ("Author.posts", "proved", "gone"),
        ("Node.children", "proved", "gone"),
        ("Node.parent", "proved", "stays"),
        ("Person.pets", "proved", "gone"),
        ("Post.author", "proved", "stays"),
        ("Post.tags", "proved", "gone"),
        ("Tag.posts", "proved", "gone"),
    ]


def test_a_row_that_nobody_asked_for_is_one_of_the_classes_of_its_table(tmp_path: Path, engine: Engine) -> None:
    """SQLAlchemy loads it along with others, and can't where the database lets its class be one that no model has."""
    found = relationships(
        tmp_path,
        engine,
        """
        import enum

        class Size(enum.Enum):
            BIG = "B"
            SMALL = "S"

        class Pet(Base):
            __tablename__ = "pets"
            __table_args__ = (CheckConstraint("kind IN ('a legacy', 'cat', 'dog')"),)
            id: Mapped[int] = mapped_column(primary_key=True)
            kind: Mapped[str]
            __mapper_args__ = {"polymorphic_on": "kind"}

        class Dog(Pet):
            __mapper_args__ = {"polymorphic_identity": "dog"}

        class Box(Base):
            __tablename__ = "boxes"
            id: Mapped[int] = mapped_column(primary_key=True)
            size: Mapped[str] = mapped_column(Enum(Size, values_callable=lambda sizes: [one.value for one in sizes]))
            __mapper_args__ = {"polymorphic_on": "size"}

        class SmallBox(Box):
            __mapper_args__ = {"polymorphic_identity": Size.SMALL}

        class Child(Base):
            __tablename__ = "children"
            id: Mapped[int] = mapped_column(primary_key=True)
            pet_id: Mapped[int] = mapped_column(ForeignKey("pets.id"))
            box_id: Mapped[int] = mapped_column(ForeignKey("boxes.id"))
            pet: Mapped[Pet] = relationship(lazy="joined", innerjoin=True)
            box: Mapped[Box] = relationship(lazy="joined", innerjoin=True)
            toys: Mapped[list[Toy]] = relationship(cascade="all, delete-orphan")

        class Toy(Base):
            __tablename__ = "toys"
            id: Mapped[int] = mapped_column(primary_key=True)
            child_id: Mapped[int] = mapped_column(ForeignKey("children.id"))
        """,
    )
    assert told(found) == [
        ("Child.box", "proved", "stays"),
        ("Child.pet", "proved", "stays"),
        ("Child.toys", "proved", "gone"),
    ]


def test_another_relationship_deletes_the_same_children(tmp_path: Path, engine: Engine) -> None:
    """A second one for other uses promises what the first does: together they act."""
    second = '    loose: Mapped[list[Child]] = relationship(overlaps="children")\n\nclass Child'
    found = relationships(tmp_path, engine, family(DELETES, nullable=False).replace("\nclass Child", second, 1))
    assert told(found) == [("Parent.children", "proved", "gone"), ("Parent.loose", "proved", "gone")]


def test_a_join_that_asks_for_more_is_not_provable(tmp_path: Path, engine: Engine) -> None:
    """A row that the relationship does not lead to proves nothing of it."""
    models = family('primaryjoin="and_(Parent.id == Child.parent_id, Child.id < 0)", cascade="all"')
    (found,) = relationships(tmp_path, engine, models)
    assert found.outcome == "not provable"
    assert found.reason == "its join asks for more than its columns, and does not meet the rows made for it"


@pytest.mark.parametrize("error", ["LookupError", "AssertionError", "exc.InvalidRequestError"])
@pytest.mark.parametrize("models", [family(DELETES), family("passive_deletes='all'", nullable=False)])
def test_code_of_the_application_that_fails_is_not_provable(
    tmp_path: Path, engine: Engine, models: str, error: str
) -> None:
    """What a listener raises says nothing of the relationship, and is no refusal that this one promises."""
    listener = f"""
from sqlalchemy import exc

@event.listens_for(Parent, "before_delete")
def refuse(mapper, connection, target):
    raise {error}("no request")
"""
    (found,) = relationships(tmp_path, engine, models + listener)
    assert (found.outcome, found.reason) == (
        "not provable",
        f"code of the application stops it: {error.removeprefix('exc.')}: no request",
    )


def test_rows_that_sqlalchemy_can_not_load_are_not_provable(tmp_path: Path, engine: Engine) -> None:
    """A value of an older release, of which the models know no class: nothing is told of the relationship."""
    classes = """
class Kind(Base):
    __tablename__ = "kinds"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    __mapper_args__ = {"polymorphic_on": "name"}

class Known(Kind):
    __tablename__ = "known"
    id: Mapped[int] = mapped_column(ForeignKey("kinds.id"), primary_key=True)
    __mapper_args__ = {"polymorphic_identity": "known"}

"""
    kind = (
        '    kind_id: Mapped[int] = mapped_column(ForeignKey("kinds.id"))\n'
        '    kind: Mapped[Kind] = relationship(lazy="joined", innerjoin=True)\n\nclass Child'
    )
    models = classes + family(DELETES).replace("\nclass Child", kind, 1)
    found = relationships(tmp_path, engine, models)
    assert [(proof.subject, proof.outcome) for proof in found] == [
        ("Parent.children", "not provable"),
        ("Parent.kind", "proved"),
    ]
    assert (found[0].reason or "").startswith("SQLAlchemy can't load the rows that were made: AssertionError: No such")


def test_mappers_that_are_broken_are_not_provable(tmp_path: Path, engine: Engine) -> None:
    """Nobody knows what their relationships are; the keys are proved all the same."""
    metadata = imported(tmp_path, family().replace("list[Child]", 'list["Chidl"]')).Base.metadata
    metadata.create_all(engine)
    found = all_proofs(engine, metadata)
    assert [(proof.kind, proof.outcome) for proof in found] == [
        ("foreign key", "proved"),
        ("relationship", "not provable"),
    ]
    assert "mappers can't be configured" in str(not_proved(found)[0][3])
