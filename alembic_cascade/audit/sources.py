"""Where a model is written: the lines of its attributes, and what a change of one looks like as a diff."""

from __future__ import annotations

import ast
import difflib
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from inspect import getsourcefile
from pathlib import Path
from typing import Any

from sqlalchemy import Table

from alembic_cascade.audit.findings import Place


@dataclass
class _File:
    """A file's text, and the classes in it by qualified name."""

    name: str
    lines: list[str]
    tree: ast.Module
    classes: Mapping[str, ast.ClassDef]


@dataclass
class Sources:
    """The files of models, each read once."""

    _files: dict[str, _File | None] = field(default_factory=dict)

    def place(self, model: type[Any] | None, attribute: str | None = None) -> Place | None:
        """Where the class is written, or its attribute, be it in a base of its; None where no file says."""
        found = self._statement(model, attribute)
        return None if found is None else Place(found[0].name, found[1].lineno)

    def changed(self, model: type[Any] | None, attribute: str, call: str, **keywords: str | None) -> str | None:
        """The diff of an attribute whose call, such as ``relationship``, is to have other keywords.

        A keyword's value is Python; None takes it away. None where the file does not have that call, or twice.
        """
        found = self._statement(model, attribute)
        return None if found is None else _diff(*found, _calls(found[1], call), keywords)

    def changed_constraint(
        self, model: type[Any] | None, columns: Sequence[str], call: str, **keywords: str | None
    ) -> str | None:
        """As :meth:`changed`, of a constraint over these columns among the arguments of the model's table."""
        found = self._statement(model, "__table_args__")
        if found is None:
            return None
        calls = [node for node in _calls(found[1], call) if _first(node) == list(columns)]
        return _diff(*found, calls, keywords)

    def place_of_column(self, table: Table, column: str) -> Place | None:
        """Where a ``Table`` that a module holds has that column; None where no file says."""
        found = self._column(table, column)
        return None if found is None else Place(found[0].name, found[1].lineno)

    def changed_column(self, table: Table, column: str, call: str, **keywords: str | None) -> str | None:
        """As :meth:`changed`, of a column of a ``Table`` that a module holds."""
        found = self._column(table, column)
        if found is None or _called(found[1]) != "Column":
            return None
        return _diff(*found, _calls(found[1], call), keywords)

    def _column(self, table: Table, column: str) -> tuple[_File, ast.Call] | None:
        """The call that makes the column, else the one that makes the table; None where no module has it written."""
        for name in self._holders.get(id(table), ()):
            file = self._named(name)
            calls = [] if file is None else _calls(file.tree, "Table")
            made = next((call for call in calls if _first(call) == table.name), None)
            if file is not None and made is not None:
                return file, next((one for one in _calls(made, "Column") if _first(one) == column), made)
        return None

    @cached_property
    def _holders(self) -> dict[int, list[str]]:
        """The files of the modules that hold each table."""
        found: dict[int, list[str]] = {}
        for module in list(sys.modules.values()):
            file: str | None = getattr(module, "__file__", None)
            if file is None:
                continue
            for value in list(vars(module).values()):
                # Of a lazy object, even its class may not be asked for.
                if issubclass(type(value), Table):
                    found.setdefault(id(value), []).append(file)
        return found

    def _statement(self, model: type[Any] | None, attribute: str | None) -> tuple[_File, ast.stmt] | None:
        owners = () if model is None else model.__mro__ if attribute is not None else (model,)
        for owner in owners:
            file = self._file(owner)
            written = None if file is None else file.classes.get(owner.__qualname__)
            if file is None or written is None:
                continue
            if attribute is None:
                return file, written
            for statement in written.body:
                if attribute in _names(statement):
                    return file, statement
        return None

    def _file(self, model: type[Any]) -> _File | None:
        try:
            name = getsourcefile(model)
        except TypeError:
            # Built into Python.
            return None
        return self._named(name)

    def _named(self, name: str | None) -> _File | None:
        if name is None:
            return None
        if name not in self._files:
            self._files[name] = _read(name)
        return self._files[name]


def _read(name: str) -> _File | None:
    try:
        text = Path(name).read_text(encoding="utf-8")
        tree = ast.parse(text)
    except (OSError, SyntaxError, ValueError):
        return None
    path, here = Path(name), Path.cwd()
    shown = str(path.relative_to(here)) if path.is_relative_to(here) else name
    return _File(shown, text.splitlines(keepends=True), tree, dict(_classes(tree, "")))


def _classes(tree: ast.AST, prefix: str) -> Iterator[tuple[str, ast.ClassDef]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield f"{prefix}{node.name}", node
            yield from _classes(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _classes(node, f"{prefix}{node.name}.<locals>.")
        elif isinstance(node, ast.stmt):
            yield from _classes(node, prefix)


def _calls(tree: ast.AST, name: str) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _called(node) == name]


def _first(call: ast.Call) -> object:
    """The value of the first argument, a tuple as a list; None where it is no literal."""
    try:
        value = ast.literal_eval(call.args[0])
    except (IndexError, ValueError):
        return None
    return list(value) if isinstance(value, tuple) else value


def _diff(
    file: _File, written: ast.stmt | ast.Call, calls: Sequence[ast.Call], keywords: Mapping[str, str | None]
) -> str | None:
    """The lines of what is written, before and after; None where it has not just one such call, or nothing changes."""
    if len(calls) != 1:
        return None
    before = file.lines[written.lineno - 1 : written.end_lineno]
    text = "".join(before)
    for start, end, new in sorted(_edits(calls[0], keywords, written.lineno, before), reverse=True):
        text = text[:start] + new + text[end:]
    lines = difflib.ndiff(before, text.splitlines(keepends=True))
    changed = [line.rstrip() for line in lines if line.startswith(("- ", "+ ")) and line.strip() not in {"-", "+"}]
    return "\n".join(changed) or None


def _names(statement: ast.stmt) -> set[str]:
    """What a statement in a class body defines."""
    match statement:
        case ast.Assign(targets=targets):
            return {target.id for target in targets if isinstance(target, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
        case ast.FunctionDef(name=name):
            return {name}
        case _:
            return set()


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _edits(
    call: ast.Call, keywords: Mapping[str, str | None], first_line: int, lines: list[str]
) -> Iterator[tuple[int, int, str]]:
    """What to replace, as (start, end, new text) in the statement's text."""

    def place(line: int, column: int) -> int:
        # Columns of a syntax tree count bytes.
        before = lines[line - first_line].encode()[:column].decode()
        return sum(map(len, lines[: line - first_line])) + len(before)

    present = {keyword.arg: keyword for keyword in call.keywords}
    text = "".join(lines)
    added = [f"{name}={value}" for name, value in keywords.items() if value is not None and name not in present]
    for name, value in keywords.items():
        if name not in present:
            continue
        keyword = present[name]
        start = place(keyword.lineno, keyword.col_offset)
        end = _end(call, keyword.value, place, text)
        if value is None and added:
            # What is new takes its place.
            yield start, end, ", ".join(added)
            added = []
        elif value is None:
            yield *_with_comma(text, start, end), ""
        else:
            yield start, end, f"{name}={value}"
    if added:
        yield _insertion(call, place, text, added)


def _with_comma(text: str, start: int, end: int) -> tuple[int, int]:
    """An argument together with the comma before it; with the one behind it, where it is the first of several."""
    before = text[:start].rstrip()
    if before.endswith(","):
        return len(before) - 1, end
    behind = text[end:].lstrip()
    if not behind.startswith(","):
        return start, end
    return start, len(text) - len(behind[1:].lstrip())


def _end(call: ast.Call, value: ast.expr, place: Any, text: str) -> int:
    """Where an argument ends, with the parentheses around its value, which a syntax tree leaves out."""
    end: int = place(value.end_lineno, value.end_col_offset)
    arguments: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
    starts = [place(argument.lineno, argument.col_offset) for argument in arguments]
    closing = place(call.end_lineno, call.end_col_offset) - 1
    following = min((start for start in (*starts, closing) if start >= end), default=end)
    behind = re.sub("#.*", lambda comment: " " * len(comment[0]), text[end:following])
    return end + behind.rfind(")") + 1


def _insertion(call: ast.Call, place: Any, text: str, added: list[str]) -> tuple[int, int, str]:
    last = max(
        [*call.args, *(keyword.value for keyword in call.keywords)],
        key=lambda node: (node.end_lineno, node.end_col_offset),
        default=None,
    )
    if last is None:
        closing = place(call.end_lineno, call.end_col_offset) - 1
        return closing, closing, ", ".join(added)
    end = _end(call, last, place, text)
    starts_line = text[text.rfind("\n", 0, end) + 1 : end]
    indent = starts_line[: len(starts_line) - len(starts_line.lstrip())]
    # Where each argument has a line of its own, so does a new one.
    upright = last.lineno != call.lineno and text[end : end + 2].strip() in {"", ","} and starts_line.strip() != ")"
    separator = f",\n{indent}" if upright else ", "
    return end, end, "".join(separator + one for one in added)
