"""``self-reference-without-remote-side``: parents that are children."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit.models import message, targets

if TYPE_CHECKING:
    from pathlib import Path

RULE = "self-reference-without-remote-side"
MODELS = """\
class Node(Base):
    __tablename__ = "nodes"
    id: Mapped[int] = mapped_column(primary_key=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("nodes.id"){column})
    parent: Mapped[{kind}] = relationship({arguments})
    {more}
"""
PLAIN = {"column": "", "kind": "Node | None", "arguments": "", "more": ""}
CHILDREN = "children: Mapped[list[Node]] = relationship({})"
SAID = """\
warning self-reference-without-remote-side Node.parent
it leads to the Node whose nodes.parent_id refers to this one, not to the one that this one refers to.
What is set as the parent gets its nodes.parent_id changed, instead of this row.
On the side that is to lead to the parent:
-     parent: Mapped[Node | None] = relationship()
+     parent: Mapped[Node | None] = relationship(remote_side="Node.id")"""
# SQLAlchemy warns of two lists, when a mapper is used for the first time.
copies = pytest.mark.filterwarnings("ignore:.*will copy column")


def test_what_it_says(tmp_path: Path) -> None:
    """``node.parent`` is the node whose parent it is."""
    assert message(tmp_path, RULE, MODELS.format(**PLAIN)) == SAID


@copies
def test_it_fires_beside_the_list_of_children(tmp_path: Path) -> None:
    """The list is what it seems to be."""
    assert targets(tmp_path, RULE, MODELS.format(**PLAIN | {"more": CHILDREN.format("")})) == ["Node.parent"]


@copies
def test_two_lists_are_the_same(tmp_path: Path) -> None:
    """One of them was to be the parents."""
    models = MODELS.format(**PLAIN | {"kind": "list[Node]", "more": CHILDREN.format("")})
    said = message(tmp_path, RULE, models).splitlines()
    assert said[:2] == [
        "warning self-reference-without-remote-side Node.children",
        "it and Node.parent lead to the same: those that refer to this one.",
    ]


@pytest.mark.parametrize(
    "written",
    [
        {"arguments": "remote_side=[id]"},
        {
            "arguments": "remote_side=[id], back_populates='children'",
            "more": CHILDREN.format("back_populates='parent'"),
        },
        {"kind": "list[Node]"},
        {"column": ", unique=True"},
        {
            "more": "next: Mapped[Node] = relationship(back_populates='parent', remote_side=[id])",
            "arguments": "back_populates='next'",
        },
        {"arguments": "viewonly=True"},
    ],
)
def test_the_near_miss(tmp_path: Path, written: dict[str, str]) -> None:
    """The parent, a list of children, or a row that there is one of: the next and the one before in a chain."""
    assert targets(tmp_path, RULE, MODELS.format(**PLAIN | written)) == []


def test_it_is_not_told_of_twice(tmp_path: Path) -> None:
    """UNIQUE would make it worse."""
    assert targets(tmp_path, "one-to-one-without-unique", MODELS.format(**PLAIN)) == []
