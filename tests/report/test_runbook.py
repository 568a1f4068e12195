"""The runbook: of this migration, and of no other."""

from __future__ import annotations

from dataclasses import replace

from alembic_cascade.foreign_keys import Action, ForeignKey, TableName
from alembic_cascade.report.report import (
    Report,
    ReportedChange,
    ReportedNote,
    ReportedRevision,
    ReportedTable,
    RunbookStep,
)
from alembic_cascade.report.runbook import runbook
from report.made import key

POSTS, USERS = TableName(None, "posts"), TableName(None, "users")


def fk(rule: str) -> ForeignKey:
    return ForeignKey("fk", POSTS, USERS, (("user_id", "id"),), ondelete=Action(rule))


def change(before: ForeignKey | None, after: ForeignKey | None, revision: str = "two") -> ReportedChange:
    return ReportedChange(POSTS, "fk", revision, before, after, "")


def report(*changes: ReportedChange, database: str | None = "shop", concurrent: bool = False) -> Report:
    return Report(
        database,
        "public",
        tables=(ReportedTable(POSTS, "public", rows=1_200_000), ReportedTable(USERS, "public")),
        before="one",
        after="two",
        revisions=(ReportedRevision("two", "message", concurrent),),
        changes=changes,
    )


def steps(found: tuple[RunbookStep, ...]) -> dict[str, RunbookStep]:
    return {step.title: step for step in found}


def test_the_steps_of_a_change_in_their_order() -> None:
    """From the look before to the way back, with commands to copy."""
    found = runbook(report(change(fk("NO ACTION"), fk("CASCADE"))), ("-c", "my own.ini"))
    assert [(step.title, step.commands) for step in found] == [
        ("Look", ("alembic-cascade doctor -c 'my own.ini'", "alembic-cascade orphans -c 'my own.ini'")),
        ("Backup", ("pg_dump --format=custom --file=before_two.dump --dbname=shop",)),
        ("Rehearsal", ("alembic-cascade rehearse two -c 'my own.ini'",)),
        ("Window", ()),
        ("Deploy order", ()),
        ("Upgrade", ("alembic -c 'my own.ini' upgrade two",)),
        (
            "Afterwards",
            (
                "alembic -c 'my own.ini' check",
                "alembic-cascade audit -c 'my own.ini'",
                "alembic-cascade verify -c 'my own.ini'",
                "alembic-cascade quarantine list -c 'my own.ini'",
            ),
        ),
        ("Rollback", ("alembic -c 'my own.ini' downgrade one",)),
        ("Trouble", ()),
    ]


def test_the_window_says_who_waits_for_what() -> None:
    """Another rule keeps readers out as well, a new key writers; concurrently, nobody waits."""
    altered = steps(runbook(report(change(fk("NO ACTION"), fk("CASCADE")))))["Window"].text
    assert altered.startswith(
        "Readers and writers of posts (about 1,200,000 rows), users wait while rows are compared with their parents"
    )
    made = steps(runbook(report(change(None, fk("CASCADE")))))["Window"].text
    assert made.startswith("Writers of posts (about 1,200,000 rows), users wait, readers do not")
    concurrent = steps(runbook(report(change(None, fk("CASCADE")), concurrent=True)))["Window"].text
    assert concurrent == "Revision two locks nobody out while rows are looked at: no window is needed."
    nothing = steps(runbook(report()))["Window"].text
    assert nothing.startswith("No key is changed that could be read.")


def test_the_order_depends_on_what_code_relies_on() -> None:
    """A CASCADE has to be there for code that leaves children to it; a key that goes has to be missed by nobody."""
    cascade = steps(runbook(report(change(None, fk("CASCADE")))))["Deploy order"].text
    assert cascade.startswith("The migration first, then code that relies on it")
    dropped = report(change(fk("CASCADE"), None))
    assert steps(runbook(dropped))["Deploy order"].text == (
        "Code that relies on posts.user_id -> users.id first: nothing keeps its rows any more."
    )
    # The other one of two that were alike stays.
    doubled = replace(dropped, keys=(replace(key(0, "posts", "users"), declared=fk("CASCADE")),))
    assert "first" not in steps(runbook(doubled))["Deploy order"].text.replace("The migration first", "")


def test_the_way_back_says_what_does_not_come_back() -> None:
    """What deletes took, revisions without a downgrade, and what could not be read."""
    made = report(change(fk("NO ACTION"), fk("CASCADE")))
    lost = replace(
        made,
        revisions=(ReportedRevision("two", "", reversible=False),),
        notes=(ReportedNote("two", 3, "it runs SQL of its own"),),
    )
    text = steps(runbook(lost))["Rollback"].text
    assert "What deletes have taken along since by posts.user_id -> users.id does not come back." in text
    assert "Revision two has no downgrade: only the backup takes it back." in text
    assert "Of two not all could be read here: look at the downgrade yourself." in text


def test_what_the_database_has_already_is_not_rehearsed() -> None:
    """The rest tells how it goes elsewhere."""
    assert "Rehearsal" not in steps(runbook(report(), pending=False))


def test_several_heads_are_upgraded_to_and_no_way_back_is_guessed() -> None:
    """A downgrade takes one version."""
    found = steps(runbook(replace(report(), before="a, b", after="c, d")))
    assert found["Upgrade"].commands == ("alembic upgrade heads",)
    assert found["Rollback"].commands == ()
    assert steps(runbook(replace(report(), before=None)))["Rollback"].commands == ("alembic downgrade base",)


def test_other_branches_stay_on_the_way_back() -> None:
    """A plain downgrade to a point of branches takes all of them back, and one to base everything."""
    for before, target in (("root", "two@root"), (None, "two@base")):
        found = steps(runbook(replace(report(), before=before), alone=False))
        assert found["Rollback"].commands == (f"alembic downgrade {target}",)
    several = steps(runbook(replace(report(), before=None, after="c, d"), alone=False))
    assert several["Rollback"].commands == ()
    assert several["Rollback"].text.endswith("Each branch is taken back by itself.")


def test_names_are_quoted_for_the_shell() -> None:
    """A database may be called anything."""
    assert steps(runbook(report(database="a b;c")))["Backup"].commands == (
        "pg_dump --format=custom --file=before_two.dump --dbname='a b;c'",
    )
    assert steps(runbook(report(database=None)))["Backup"].commands[0].endswith('--dbname="$DATABASE_URL"')


def test_without_revisions_there_is_nothing_to_run() -> None:
    """A project may have none yet."""
    assert runbook(Report("shop", "public")) == ()
