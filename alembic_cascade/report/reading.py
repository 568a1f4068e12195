"""What a revision's text does to keys: read, never run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alembic_cascade.foreign_keys import ForeignKey, TableName
from alembic_cascade.report.evaluating import LONGEST, Unknown, condition, value
from alembic_cascade.report.steps import Altered, Dropped, Made, Step, TableDropped, Unread
from alembic_cascade.report.written import CREATE, DROP, altered, arguments, created, keys_in_table

# SQL that somebody wrote, in which keys come and go.
ABOUT_KEYS = re.compile(
    r"\b(?:FOREIGN\s+KEY|REFERENCES|(?:ADD|DROP|ALTER|VALIDATE)\s+CONSTRAINT|DROP\s+TABLE)\b", re.IGNORECASE
)

ONLY_A_RUN = "an argument is more than text and names that the revision gives a value: only a run of it would tell"

# A function of the revision that calls another one, and so on.
DEEPEST = 20


@dataclass(frozen=True)
class Operations:
    """What ``op`` is; within ``op.batch_alter_table`` with the ``table`` that all is about."""

    table: TableName | None = None


class _Return(Exception):  # noqa: N818
    """A function ends."""


def steps_of(tree: ast.Module, function: str = "upgrade") -> list[Step]:
    """What the function of a revision does to keys, in its order."""
    reader = _Reader(tree)
    found = reader.functions.get(function)
    return [] if found is None else list(reader.read(found))


class _Reader:
    """One reading; names are those of the module, and of each function that is read."""

    def __init__(self, tree: ast.Module) -> None:
        self.functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        self._depth = 0
        self._names: dict[str, Any] = {}
        # Nothing that a module does while it is imported is about keys.
        for node in tree.body:
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.Import | ast.ImportFrom):
                list(self._statement(node))

    def read(self, function: ast.FunctionDef, given: Mapping[str, Any] | None = None) -> Iterator[Step]:
        """The steps of a function, whose arguments are known or not."""
        outer, self._names = self._names, {**self._names}
        for argument in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs):
            self._names.pop(argument.arg, None)
        self._names.update(given or {})
        self._depth += 1
        try:
            yield from self._body(function.body)
        except _Return:
            pass
        finally:
            self._depth -= 1
            self._names = outer

    def _body(self, statements: Sequence[ast.stmt]) -> Iterator[Step]:
        for statement in statements:
            yield from self._statement(statement)

    def _statement(self, statement: ast.stmt) -> Iterator[Step]:
        match statement:
            case ast.ImportFrom(names=names) | ast.Import(names=names):
                self._import(names)
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=given)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as given)
            ):
                yield from self._expression(given)
                self._assign(name, given)
            case ast.Expr(value=expression):
                yield from self._expression(expression)
            case ast.Return():
                raise _Return
            case ast.FunctionDef() | ast.ClassDef() | ast.Pass():
                pass
            case _:
                yield from self._block(statement)

    def _import(self, names: Sequence[ast.alias]) -> None:
        """``from alembic import op`` and ``import alembic.op as op``, and whatever they are called."""
        for name in names:
            if name.name in {"op", "alembic.op"}:
                self._names[name.asname or name.name] = Operations()

    def _block(self, statement: ast.stmt) -> Iterator[Step]:
        match statement:
            case ast.With(items=items, body=body):
                for item in items:
                    self._enter(item)
                yield from self._body(body)
            case ast.For():
                yield from self._loop(statement)
            case ast.If(test=test, body=body, orelse=orelse):
                yield from self._branch(statement, test, body, orelse)
            case ast.Try(body=body, finalbody=final):
                yield from self._body(body)
                yield from self._body(final)
            case _:
                yield from self._unread(statement)

    def _assign(self, name: str, given: ast.expr) -> None:
        try:
            self._names[name] = value(given, self._names)
        except Unknown:
            self._names.pop(name, None)

    def _enter(self, item: ast.withitem) -> None:
        match item:
            case ast.withitem(
                context_expr=ast.Call(func=ast.Attribute(value=owner, attr="batch_alter_table")) as call,
                optional_vars=ast.Name(id=name),
            ) if self._is_operations(owner):
                try:
                    given = arguments(call, ("table_name", "schema"), self._evaluated)
                    self._names[name] = Operations(TableName(given.get("schema"), given["table_name"]))
                except (Unknown, KeyError):
                    self._names.pop(name, None)

    def _is_operations(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and isinstance(self._names.get(node.id), Operations)

    def _evaluated(self, expression: ast.expr) -> Any:
        return value(expression, self._names)

    def _loop(self, loop: ast.For) -> Iterator[Step]:
        try:
            items = self._evaluated(loop.iter)
            rounds = [dict(_unpacked(loop.target, item)) for item in items]
        except (Unknown, TypeError, ValueError):
            yield from self._unread(loop, f"what {ast.unparse(loop.iter)} goes through is not known before a run")
            return
        for given in rounds[:LONGEST]:
            self._names.update(given)
            yield from self._body(loop.body)

    def _branch(
        self, statement: ast.If, test: ast.expr, body: Sequence[ast.stmt], orelse: Sequence[ast.stmt]
    ) -> Iterator[Step]:
        try:
            chosen = body if condition(test, self._names) else orelse
        except Unknown:
            yield from self._unread(statement, f"it depends on a run whether {ast.unparse(test)}")
            return
        yield from self._body(chosen)

    def _unread(self, statement: ast.AST, said: str = ONLY_A_RUN) -> Iterator[Step]:
        """One note for a statement, if something in it may be about keys."""
        if any(self._concerns_keys(node) for node in ast.walk(statement)):
            yield Unread(getattr(statement, "lineno", 1), said)

    def _concerns_keys(self, node: ast.AST) -> bool:
        match node:
            case ast.Attribute(attr=name):
                return name in _READERS or name in {"create_table", "add_column", "drop_table"}
            case ast.Constant(value=str() as text):
                return ABOUT_KEYS.search(text) is not None
        return False

    def _expression(self, expression: ast.expr) -> Iterator[Step]:
        match expression:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=name)) if (
                isinstance(operations := self._names.get(owner), Operations) and name in _READERS
            ):
                try:
                    yield from _READERS[name](self, operations, expression)
                except (Unknown, KeyError):
                    yield Unread(expression.lineno, f"op.{name}: {ONLY_A_RUN}")
            case ast.Call(func=ast.Name(id=name)) if name in self.functions and not self._says_sql(expression):
                yield from self._call(self.functions[name], expression)
            case _:
                if self._says_sql(expression):
                    yield Unread(expression.lineno, f"it runs SQL of its own: {_first_line(expression)}")

    def _says_sql(self, expression: ast.expr) -> bool:
        texts = []
        for node in ast.walk(expression):
            if isinstance(node, ast.Constant | ast.JoinedStr | ast.Name):
                try:
                    texts.append(self._evaluated(node))
                except Unknown:
                    continue
        return any(isinstance(text, str) and ABOUT_KEYS.search(text) for text in texts)

    def _call(self, function: ast.FunctionDef, call: ast.Call) -> Iterator[Step]:
        if self._depth >= DEEPEST:
            return
        places = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
        given = {}
        for name, argument in [*zip(places, call.args, strict=False), *((one.arg, one.value) for one in call.keywords)]:
            if name is not None and not isinstance(argument, ast.Starred):
                try:
                    given[name] = self._evaluated(argument)
                except Unknown:
                    continue
        yield from self.read(function, given)

    def create(self, operations: Operations, call: ast.Call) -> Iterator[Step]:
        yield Made(created(self._given(operations, call)))

    def alter(self, operations: Operations, call: ast.Call) -> Iterator[Step]:
        yield Altered(*altered(self._given(operations, call)))

    def drop(self, operations: Operations, call: ast.Call) -> Iterator[Step]:
        """One of ours names all of the key."""
        key = created(self._given(operations, call))
        yield Dropped(key.source, key.name, key)

    def drop_constraint(self, operations: Operations, call: ast.Call) -> Iterator[Step]:
        places = DROP if operations.table is None else (DROP[0], DROP[2])
        given = arguments(call, places, self._evaluated)
        if given.get("type_") in {None, "foreignkey"}:
            table = operations.table or TableName(given.get("schema"), given["table_name"])
            yield Dropped(table, given["constraint_name"])

    def create_table(self, _operations: Operations, call: ast.Call) -> Iterator[Step]:
        table = TableName(self._keyword(call, "schema"), self._evaluated(call.args[0]))
        yield from self._made_in(table, call.args[1:])

    def add_column(self, operations: Operations, call: ast.Call) -> Iterator[Step]:
        table = operations.table or TableName(self._keyword(call, "schema"), self._evaluated(call.args[0]))
        yield from self._made_in(table, call.args)

    def _made_in(self, table: TableName, items: Sequence[ast.expr]) -> Iterator[Step]:
        for found in keys_in_table(table, items, self._evaluated):
            yield Made(found) if isinstance(found, ForeignKey) else Unread(found.lineno, ONLY_A_RUN)

    def drop_table(self, _operations: Operations, call: ast.Call) -> Iterator[Step]:
        given = arguments(call, ("table_name",), self._evaluated)
        yield TableDropped(TableName(given.get("schema"), given["table_name"]))

    def _given(self, operations: Operations, call: ast.Call) -> dict[str, Any]:
        """The arguments of an operation on a key; within a batch, its table is the batch's."""
        if operations.table is None:
            return arguments(call, CREATE, self._evaluated)
        given = arguments(call, (CREATE[0], *CREATE[2:]), self._evaluated)
        return {**given, "source_table": operations.table.name, "source_schema": operations.table.schema}

    def _keyword(self, call: ast.Call, name: str) -> Any:
        return next((self._evaluated(keyword.value) for keyword in call.keywords if keyword.arg == name), None)


_READERS = {
    "create_foreign_key": _Reader.create,
    "add_foreign_key": _Reader.create,
    "alter_foreign_key": _Reader.alter,
    "drop_foreign_key": _Reader.drop,
    "drop_constraint": _Reader.drop_constraint,
    "create_table": _Reader.create_table,
    "add_column": _Reader.add_column,
    "drop_table": _Reader.drop_table,
}


def _unpacked(target: ast.expr, item: Any) -> Iterator[tuple[str, Any]]:
    match target:
        case ast.Name(id=name):
            yield name, item
        case ast.Tuple(elts=elements):
            for element, part in zip(elements, item, strict=True):
                yield from _unpacked(element, part)
        case _:
            raise Unknown


def _first_line(expression: ast.expr) -> str:
    text = " ".join(ast.unparse(expression).split())
    return text if len(text) <= 100 else f"{text[:99]}…"  # noqa: PLR2004
