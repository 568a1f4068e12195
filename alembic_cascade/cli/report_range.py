"""Which revisions a report is about, as Alembic's own history counts them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from alembic.script import Script, ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError

from alembic_cascade.environment import Site
from alembic_cascade.errors import CascadeError
from alembic_cascade.report.revisions import Range, Revision


def revision_range(site: Site, text: str | None) -> Range:
    """What ``FROM:TO`` names, both included, as for ``alembic history -r``; without it, what there is to upgrade to.

    Where nothing is, or nobody can be asked, the last revision.
    Errors: :exc:`.CascadeError` where there are no such revisions.
    """
    # Where they can't be imported, it says so in one line.
    known = site.scripts
    applied = None if site.connection is None else site.context.get_current_heads()
    scripts = _named(site, text, applied) if text is not None else _usual(site.script, applied)
    if not known:
        return Range(None, None)
    inside = {each.revision for each in scripts}
    before = _sorted(parent for each in scripts for parent in _parents(each) if parent not in inside)
    followed = {parent for each in scripts for parent in _parents(each)}
    after = [each.revision for each in scripts if each.revision not in followed]
    return Range(
        ", ".join(before) or None,
        ", ".join(after) or None,
        tuple(map(_revision, scripts)),
        pending=applied is not None and _is_pending(site.script, inside, before, applied),
        alone=_is_alone(site.script, inside, before),
        history=lambda: tuple(map(_revision, _up_to(site.script, before))),
    )


def _is_pending(
    script: ScriptDirectory, inside: Collection[str], before: Sequence[str], applied: Sequence[str]
) -> bool:
    """Whether the database has all that comes before the range, and nothing of it; other branches are no matter."""
    try:
        done = {each.revision for each in script.iterate_revisions(tuple(applied), "base")} if applied else set()
    except (RevisionError, CommandError):
        # The database is at what no revision is.
        return False
    return done.isdisjoint(inside) and done.issuperset(before)


def _is_alone(script: ScriptDirectory, inside: Collection[str], before: Sequence[str]) -> bool:
    """Whether a downgrade to what comes before the range takes back nothing but it, and what follows it."""
    earlier = {each.revision for each in _up_to(script, before)}
    following = set(inside)
    for each in reversed(list(script.walk_revisions())):
        if each.revision in earlier:
            continue
        if each.revision not in inside and following.isdisjoint(_parents(each)):
            return False
        following.add(each.revision)
    return True


def _usual(script: ScriptDirectory, applied: Sequence[str] | None) -> list[Script]:
    pending = [] if applied is None else _after(script, applied)
    return pending or [script.get_revision(head) for head in sorted(script.get_heads())]


def _after(script: ScriptDirectory, applied: Sequence[str]) -> list[Script]:
    try:
        return list(script.iterate_revisions("heads", tuple(applied) or "base", implicit_base=True))[::-1]
    except (RevisionError, CommandError) as error:
        raise CascadeError(f"The database is at {', '.join(applied)}, which no revision is: {error}") from error


def _named(site: Site, text: str, applied: Sequence[str] | None) -> list[Script]:
    start, separator, end = text.strip().partition(":")
    if not separator or ":" in end:
        raise CascadeError(f"--revisions {text}: write FROM:TO, FROM: or :TO, as for alembic history -r.")
    if applied is None and "current" in {start, end}:
        raise CascadeError(f"--revisions {text}: without a database, nobody knows which one is current.")
    lower, upper = (
        tuple(applied or ()) or "base" if name == "current" else name or usual
        for name, usual in ((start, "base"), (end, "heads"))
    )
    try:
        # Alembic's own annotation lacks the tuples that it takes.
        found = list(site.script.revision_map.iterate_revisions(upper, lower, inclusive=True))
    except (RevisionError, CommandError) as error:
        raise CascadeError(f"--revisions {text}: {error}") from error
    if not found:
        raise CascadeError(f"--revisions {text}: there is no revision from the one to the other.")
    return [each for each in reversed(found) if isinstance(each, Script)]


def _up_to(script: ScriptDirectory, revisions: Sequence[str]) -> list[Script]:
    return list(script.iterate_revisions(tuple(revisions), "base"))[::-1] if revisions else []


def _parents(script: Script) -> tuple[str, ...]:
    down = script.down_revision
    return () if down is None else (down,) if isinstance(down, str) else tuple(down)


def _sorted(names: Iterable[str]) -> list[str]:
    return sorted(set(names))


def _revision(script: Script) -> Revision:
    path = Path(script.path)
    return Revision(script.revision, script.doc, path.read_bytes() if path.suffix == ".py" else None)
