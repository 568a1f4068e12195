"""The story of the flows: keys that refer to the wrong column of their parent are led to the right one, and back."""

from __future__ import annotations

import json
import re

from load import CHILDREN, FLOWS, load, meant, rows
from models import Base
from storytelling import chapters, commands, differences
from storytelling.checking import failed
from storytelling.settling import Settled
from storytelling.snapshot import Snapshot, snapshot
from storytelling.stage import Stage
from success import criteria


def tell(stage: Stage) -> None:
    """The story, chapter by chapter.

    Errors: :exc:`StoryBroken` where it can't go on.
    """
    declared = Base.metadata
    chapters.make_first_tables(stage)
    chapters.load_rows(stage, declared, load)
    start = snapshot(stage.engine)
    look_at_keys(stage)
    look_for_orphans(stage)
    settle_and_restore(stage, start)
    written = chapters.write_revision(stage)
    both_ways = 2 * sum(refers == "id" for _, refers in CHILDREN.values())
    problem = "" if written.count("op.translate_references(") == both_ways else "not every key is translated both ways"
    stage.narrator.claim("revision: values are translated, up and down", problem)
    rehearse(stage)
    expected = settled()
    upgraded = chapters.upgrade(stage, start, declared, expected)
    chapters.show_quarantine(stage, upgraded, expected)
    chapters.verify(stage)
    chapters.downgrade(stage, start)
    chapters.upgrade_again(stage, upgraded)
    chapters.check_criteria(stage, criteria)
    chapters.write_report(stage, declared)


def gone() -> dict[str, int]:
    """How many rows of each child are of a flow that there is not."""
    return {
        child: sum((meant(child, row) or 0) > FLOWS for row in range(1, count + 1))
        for child, (count, _) in CHILDREN.items()
    }


def settled() -> Settled:
    """What goes, and what is to hold the other identifier of the same flow."""
    nothing = dict.fromkeys(rows(), 0)
    translated = {
        child: sum(0 < (meant(child, row) or 0) <= FLOWS for row in range(1, count + 1))
        for child, (count, refers) in CHILDREN.items()
        if refers == "id"
    }
    return Settled({**nothing, **gone()}, nothing, {**nothing, **translated})


def look_at_keys(stage: Stage) -> None:
    """Models against the database: what the author found by reading."""
    stage.narrator.chapter("What is wrong with the keys")
    stage.narrator.alembic_cascade("audit")
    found = json.loads(commands.alembic_cascade("audit", "--format", "json").output)["findings"]
    drifted = {finding["target"].partition(".")[0] for finding in found if finding["rule"] == "foreign-key-drift"}
    missed = sorted(CHILDREN.keys() - drifted)
    stage.narrator.claim("audit: all three keys are found", f"not that of {', '.join(missed)}" if missed else "")


def look_for_orphans(stage: Stage) -> None:
    """What the author's validation script looked for, with samples."""
    stage.narrator.chapter("Look for rows whose flow is gone")
    stage.narrator.alembic_cascade("orphans", "--samples", "2")
    keys = json.loads(commands.alembic_cascade("orphans", "--all", "--format", "json").output)["keys"]
    found = {key["table"]: key["orphans"] for key in keys}
    wrong = [
        f"{found.get(child)} of {child}, not {count}" for child, count in gone().items() if found.get(child) != count
    ]
    stage.narrator.claim(f"orphans: {sum(gone().values())} rows have no flow", "; ".join(wrong))


def settle_and_restore(stage: Stage, start: Snapshot) -> None:
    """``--fix``, without the migration: what it takes can be put back."""
    stage.narrator.chapter("Settle them at once, and put them back")
    stage.narrator.alembic_cascade("orphans", "--dry-run", most_lines=8)
    ran = stage.narrator.alembic_cascade("orphans", "--fix", "--yes")
    stage.narrator.claim("orphans --fix: none is left", failed(ran))
    run = re.search(r"fix-[\d-]+", ran.output)
    ran = stage.narrator.alembic_cascade("quarantine", "restore", run.group() if run else "", "--yes")
    again = snapshot(stage.engine, start)
    problem = failed(ran) or differences.changed_rows(start.checksums, again.checksums)
    stage.narrator.claim("quarantine restore: the rows are what they were", problem)


def rehearse(stage: Stage) -> None:
    """The author's dry run: on a copy of the database, up, down, compared, and up again."""
    stage.narrator.chapter("Rehearse the upgrade on a copy")
    ran = stage.narrator.alembic_cascade("rehearse", "--max-lock", "600")
    verdict = ran.output.strip().splitlines()[-1] if ran.output.strip() else ""
    stage.narrator.claim("rehearse: it would be safe", "" if verdict.startswith("safe") else verdict or failed(ran))
