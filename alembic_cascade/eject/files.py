"""The files of a project's revisions without the plugin: all of them are written, or none is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from alembic_cascade.eject.reading import OPERATIONS, Refusal
from alembic_cascade.eject.rewriting import functions, rewritten
from alembic_cascade.errors import CascadeError

# Where a project may name the plugin outside of its revisions.
ELSEWHERE = ("pyproject.toml", "setup.cfg", "setup.py", "Pipfile", "requirements*.txt", "requirements/*.txt")
NAME = re.compile(r"alembic[_-]cascade")


@dataclass(frozen=True)
class Change:
    """A file, what it holds, None where it is yet to be made, and what it is to hold."""

    path: Path
    old: bytes | None
    new: bytes
    calls: int = 0

    def diff(self) -> str:
        """The change as ``diff -u`` shows it; of a new file, only that it is one."""
        shown = shown_path(self.path)
        if self.old is None:
            return f"new file {shown}, {len(self.new.splitlines())} lines\n"
        # Of what is in no UTF-8, the lines that are changed are shown as well as can be.
        before, after = (text.decode("utf-8", "replace").splitlines(keepends=True) for text in (self.old, self.new))
        return "".join(unified_diff(before, after, f"a/{shown}", f"b/{shown}"))


@dataclass(frozen=True)
class Plan:
    """What is to be written; where something can't be rewritten, each place and the reason."""

    changes: tuple[Change, ...]
    refusals: tuple[str, ...]


def plan(revisions: Iterable[Path], version_table_schema: str | None) -> Plan:
    """What becomes of these revisions. Nothing is written.

    ``version_table_schema`` is what env.py gives to ``context.configure``.
    """
    changes: list[Change] = []
    refusals: list[str] = []
    kept = functions()
    beside: dict[Path, Change] = {}
    for path in sorted(set(revisions)):
        shown = shown_path(path)
        if path.suffix != ".py":
            refusals.append(f"{shown}: there is no source of it")
            continue
        old = path.read_bytes()
        try:
            new = rewritten(old, version_table_schema)
        except SyntaxError as error:
            refusals.append(f"{shown}:{error.lineno}: {error.msg}")
            continue
        match new:
            case None:
                continue
            case list():
                refusals.extend(_told(shown, new))
            case _:
                changes.append(Change(path, old, new.text, new.calls))
                home = path.with_name(kept.file_name)
                if new.calls_functions and not home.exists():
                    beside[home] = Change(home, None, kept.text.encode())
    return Plan((*beside.values(), *changes), tuple(refusals))


def _told(shown: str, refusals: Sequence[Refusal]) -> Iterator[str]:
    return (f"{shown}:{refusal.line}: {refusal.reason}" for refusal in refusals)


def write(changes: Sequence[Change]) -> None:
    """Write all files: each beside its place first, then all are put there.

    Errors: :exc:`.CascadeError` where one can't be written; then all are as they were.
    """
    written: list[tuple[Change, Path]] = []
    placed: list[Change] = []
    try:
        for change in changes:
            draft = change.path.with_name(f".{change.path.name}.ejected")
            written.append((change, draft))
            draft.write_bytes(change.new)
            if change.old is not None:
                draft.chmod(change.path.stat().st_mode)
                if change.path.read_bytes() != change.old:
                    raise CascadeError(f"{shown_path(change.path)} was changed meanwhile. Nothing was written.")
        for change, draft in written:
            draft.replace(change.path)
            placed.append(change)
        placed.clear()
    except OSError as error:
        raise CascadeError(f"{error.filename}: {error.strerror}. Nothing was written.") from error
    finally:
        # After an interrupt, too.
        for change in placed:
            if change.old is None:
                change.path.unlink()
            else:
                change.path.write_bytes(change.old)
        for _, draft in written:
            draft.unlink(missing_ok=True)


def traces(scripts: Path, revisions: Iterable[Path], project: Path) -> list[str]:
    """The lines outside of revisions that use the plugin.

    Those of env.py, of what revisions may import beside it, of the template, and of what says what to install.
    """
    known = {path.resolve() for path in revisions}
    code = [path for path in sorted(scripts.rglob("*.py")) if path.resolve() not in known]
    named = [scripts / "script.py.mako", *(path for pattern in ELSEWHERE for path in sorted(project.glob(pattern)))]
    calls = re.compile(rf"\b(?:configure_options|{'|'.join(sorted(OPERATIONS))})\(")
    found = [*_lines(NAME, [*code, *named]), *_lines(calls, code)]
    return list(dict.fromkeys(found))


def _lines(sought: re.Pattern[str], files: Iterable[Path]) -> Iterator[str]:
    for path in files:
        if path.is_file():
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            yield from (
                f"{shown_path(path)}:{n}: {line.strip()}" for n, line in enumerate(lines, 1) if sought.search(line)
            )


def shown_path(path: Path) -> str:
    """Relative to the working directory where it is below it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
