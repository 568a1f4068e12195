"""A revision's text without the plugin: each call gives way to its SQL, all else stays as it is, byte for byte."""

from __future__ import annotations

import ast
import hashlib
import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from textwrap import indent

from alembic.operations import Operations
from alembic.util import CommandError

from alembic_cascade.eject.literals import literal
from alembic_cascade.eject.reading import Call, Reading, Refusal, read
from alembic_cascade.eject.scripted import scripted
from alembic_cascade.running import all_functions

CALLS_FUNCTIONS = "pg_temp.cascade_"
TAKES_TURN = re.compile(r"CALL pg_temp\.cascade_take_turn\((?P<key>.*), \d+\)", re.DOTALL)


@dataclass(frozen=True)
class Functions:
    """The file of the functions that statements call, beside the revisions."""

    text: str

    @property
    def mark(self) -> str:
        """A name that no other text of functions has."""
        return f"cascade_functions_{hashlib.sha256(self.text.encode()).hexdigest()[:12]}"

    @property
    def file_name(self) -> str:
        return f"{self.mark}.sql"


def functions() -> Functions:
    """All of them, as they are today."""
    return Functions("".join(f"{statement};\n" for statement in all_functions()))


@dataclass(frozen=True)
class Rewritten:
    """A revision's new text; ``calls_functions`` if it reads the file of functions."""

    text: bytes
    calls: int
    calls_functions: bool


def rewritten(source: bytes, version_table_schema: str | None) -> Rewritten | list[Refusal] | None:
    """The text without the plugin, or why that can't be; None where there is nothing of the plugin in it.

    Errors: :exc:`SyntaxError`.
    """
    found = read(source)
    if found.is_clean:
        return None
    if found.refusals:
        return found.refusals
    statements: dict[int, tuple[str, ...]] = {}
    refused = []
    for call in found.calls:
        try:
            statements[id(call)] = _statements(found, call, version_table_schema)
        except (ValueError, TypeError, AttributeError, CommandError) as error:
            refused.append(Refusal(call.statement.lineno, f"op.{call.name}: {_why(error)}"))
    return refused or _assembled(source, found, statements)


def _why(error: Exception) -> str:
    if isinstance(error, CommandError):
        return str(error)
    if isinstance(error, TypeError | AttributeError):
        return f"it can't be called like that: {error}"
    return "an argument is no literal, nor a name that the module gives one: only a run of the revision would tell"


def _statements(found: Reading, call: Call, version_table_schema: str | None) -> tuple[str, ...]:
    def run(operations: Operations) -> None:
        arguments = [found.value(argument, operations) for argument in call.arguments]
        keywords = {name: found.value(value, operations) for name, value in call.keywords.items()}
        getattr(operations, call.name)(*arguments, **keywords)

    return scripted(run, version_table_schema)


@dataclass(frozen=True)
class _Edit:
    """What takes the place of a part of the text, by the numbers of its first letter and the one after its last."""

    begin: int
    end: int
    text: str


def _assembled(source: bytes, found: Reading, statements: dict[int, tuple[str, ...]]) -> Rewritten | list[Refusal]:
    encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    text = source.decode(encoding)
    lines = _Lines(text)
    newline = "\r\n" if "\r\n" in text else "\n"
    runner = _free_name(text)
    edits = [_without(lines, node) for node in found.imports]
    for call in found.calls:
        edits.append(_edit(lines, call, runner, statements[id(call)]))
        edits.extend(_end_of_turn(lines, call, runner, statements[id(call)]))
    used = [statement for told in statements.values() for statement in told]
    end = "" if text.endswith(("\n", "\r")) else "\n"
    if found.calls:
        edits.append(_Edit(len(text), len(text), f"{end}{_runner(runner)}"))
    for edit in sorted(edits, key=lambda edit: edit.begin, reverse=True):
        text = text[: edit.begin] + edit.text.replace("\n", newline) + text[edit.end :]
    try:
        ast.parse(text)
    except SyntaxError as error:
        return [Refusal(1, f"the lines of the calls hold something else that stands in the way: {error.msg}")]
    calls_functions = any(CALLS_FUNCTIONS in statement for statement in used)
    try:
        encoded = text.encode(encoding)
    except UnicodeEncodeError as error:
        letters = error.object[error.start : error.end]
        return [Refusal(1, f"its encoding {encoding} lacks letters that the SQL has: {letters}")]
    return Rewritten(encoded, len(found.calls), calls_functions)


def _runner(name: str) -> str:
    """What runs the statements: it needs what Alembic and SQLAlchemy have since long, with any driver."""
    written = files("alembic_cascade.eject").joinpath("runner.txt").read_text(encoding="utf-8")
    kept = functions()
    for token, meant in {"RUN_SQL": name, "MARK": kept.mark, "FILE_NAME": kept.file_name}.items():
        written = re.sub(rf"\b{token}\b", meant, written)
    return written


def _free_name(text: str) -> str:
    name = "run_sql"
    while re.search(rf"\b{name}\b", text):
        name = f"_{name}"
    return name


class _Lines:
    """Where lines begin: Python counts bytes of UTF-8 in a line, the text has letters."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._begins = [0, *(found.end() for found in re.finditer(r"\r\n|\r|\n", text))]

    def at(self, line: int, column: int) -> int:
        """The number of the letter in that line and byte."""
        begin = self.begin(line)
        end = self.begin(line + 1)
        return begin + len(self.text[begin:end].encode()[:column].decode())

    def begin(self, line: int) -> int:
        return self._begins[line - 1] if line <= len(self._begins) else len(self.text)

    def span(self, node: ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.at(node.lineno, node.col_offset), self.at(node.end_lineno, node.end_col_offset)


def _edit(lines: _Lines, call: Call, runner: str, statements: Sequence[str]) -> _Edit:
    begin, end = lines.span(call.statement)
    before = lines.text[lines.begin(call.statement.lineno) : begin]
    turns = [f"turn={literal(key)}" for key in map(_turn, statements) if key is not None]
    new = f"{runner}({', '.join([*map(literal, statements), *turns])})"
    if before.strip():
        # Something else stands in the line.
        return _Edit(begin, end, new)
    old = re.sub(r"\r\n?", "\n", lines.text[begin:end])
    first, *others = old.splitlines()
    remark = "\n".join([first, *(line.removeprefix(before) for line in others)])
    remarked = indent(remark, f"{before}# ", lambda _: True).removeprefix(before)
    return _Edit(begin, end, f"{remarked}\n{before}{new}")


def _end_of_turn(lines: _Lines, call: Call, runner: str, statements: Sequence[str]) -> Iterator[_Edit]:
    """Give the turn away at the end of the function that took it: the session may live on in a pool."""
    for key in map(_turn, statements):
        if key is not None and call.function is not None:
            first = call.function.body[0]
            begin, _ = lines.span(first)
            _, end = lines.span(call.function.body[-1])
            # Spaces or tabs.
            indentation = lines.text[lines.begin(first.lineno) : begin]
            unlock = f"SELECT pg_catalog.pg_advisory_unlock(pg_catalog.hashtextextended({key}, 0))"
            yield _Edit(end, end, f"\n{indentation}{runner}({literal(unlock)})")


def _turn(statement: str) -> str | None:
    """What the turn of a migration is known by, as an SQL expression, where the statement takes it."""
    found = TAKES_TURN.fullmatch(statement)
    return None if found is None else found["key"]


def _without(lines: _Lines, node: ast.stmt) -> _Edit:
    """An import taken out, with its line where nothing else stands in it."""
    begin, end = lines.span(node)
    assert node.end_lineno is not None
    first, after = lines.begin(node.lineno), lines.begin(node.end_lineno + 1)
    alone = not lines.text[first:begin].strip() and not lines.text[end:after].strip() and node.col_offset == 0
    return _Edit(first, after, "") if alone else _Edit(begin, end, "pass")
