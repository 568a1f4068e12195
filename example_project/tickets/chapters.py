"""The story of the ticketing application: its relationships are audited and mended, then its keys are put right."""

from __future__ import annotations

from importlib import import_module

from load import load, rows
from mending import audit_and_mend
from storytelling import chapters
from storytelling.settling import settled, without_parent
from storytelling.snapshot import snapshot
from storytelling.stage import Stage


def tell(stage: Stage) -> None:
    """The story, chapter by chapter.

    Errors: :exc:`StoryBroken` where it can't go on.
    """
    chapters.make_first_tables(stage)
    audit_and_mend(stage)
    # As they are now, after they were mended.
    models = import_module("models")
    declared, drawn = models.Base.metadata, rows()
    expected = settled(drawn, declared)
    stage.narrator.chapter("The rows of some years")
    chapters.load_rows(stage, declared, load)
    chapters.look_for_orphans(stage, declared, without_parent(drawn, declared))
    start = snapshot(stage.engine)
    chapters.write_revision(stage)
    upgraded = chapters.upgrade(stage, start, declared, expected)
    chapters.show_quarantine(stage, upgraded, expected)
    chapters.verify(stage)
    chapters.downgrade(stage, start)
    chapters.upgrade_again(stage, upgraded)
    checklist = import_module("checklist")
    checklist.show_status(stage)
    chapters.check_criteria(stage, checklist.criteria)
    chapters.write_report(stage, declared)
