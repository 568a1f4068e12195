"""The story of the collaboration application: over rows whose parents are gone, every key is put right, and back."""

from __future__ import annotations

from deletion import delete_a_company, try_to_delete_a_company
from lifecycle import lifecycle_problem
from load import left_behind, load
from models import Base, Channel, ChatMessage, Company, Meeting, User
from storytelling import chapters, checking
from storytelling.settling import settled, without_parent
from storytelling.snapshot import snapshot
from storytelling.stage import Stage

# A row of each model that has children.
PARENTS = [(Company, 3), (User, 50), (Channel, 10), (ChatMessage, 2), (Meeting, 7)]


def tell(stage: Stage) -> None:
    """The story, chapter by chapter.

    Errors: :exc:`StoryBroken` where it can't go on.
    """
    declared, rows = Base.metadata, left_behind()
    expected = settled(rows, declared)
    chapters.make_first_tables(stage)
    chapters.load_rows(stage, declared, load)
    chapters.look_for_orphans(stage, declared, without_parent(rows, declared))
    try_to_delete_a_company(stage)
    start = snapshot(stage.engine)
    chapters.write_revision(stage)
    upgraded = chapters.upgrade(stage, start, declared, expected)
    chapters.show_quarantine(stage, upgraded, expected)
    delete_a_company(stage)
    chapters.downgrade(stage, start)
    chapters.upgrade_again(stage, upgraded)
    chapters.check_criteria(stage, criteria)
    chapters.write_report(stage, declared)


def criteria(stage: Stage) -> dict[str, str]:
    """What is against each of them."""
    engine = stage.engine
    return {
        "All cascade deletes work correctly without leaving orphans": checking.children_that_stay(engine, PARENTS),
        "Lifecycle fields are nullable and properly tracked": lifecycle_problem(engine),
        "Foreign key constraints prevent invalid data": checking.keys_that_let_anything_pass(engine),
        "Migration is reversible": stage.narrator.problem_of("downgrade: "),
    }
