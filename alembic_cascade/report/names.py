"""What names stand for while a revision is read: those that get a value, and those that nobody knows any more."""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from alembic_cascade.foreign_keys import TableName
from alembic_cascade.report.evaluating import Unknown, condition, unpacked, value
from alembic_cascade.report.operations import Operations
from alembic_cascade.report.written import arguments

# What changes a list or a dictionary in place.
CHANGING = frozenset(
    {"append", "extend", "insert", "remove", "pop", "clear", "update", "add", "discard", "setdefault", "sort"}
)

# Modules of which nothing does anything to keys by itself.
HARMLESS = frozenset({*sys.stdlib_module_names, "sqlalchemy"})


class Names:
    """The names of a module, and of the function of it that is read."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._harmless = set(dir(builtins))

    @contextmanager
    def of_call(self, function: ast.FunctionDef, given: Mapping[str, Any]) -> Iterator[None]:
        """The names within a call: those of its arguments that are not given are not known."""
        outer, self._values = self._values, {**self._values}
        for argument in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs):
            self._values.pop(argument.arg, None)
        self._values.update(given)
        try:
            yield
        finally:
            self._values = outer

    def value(self, expression: ast.expr) -> Any:
        """Errors: :exc:`.Unknown`."""
        return value(expression, self._values)

    def holds(self, test: ast.expr) -> bool:
        """Whether a condition holds. Errors: :exc:`.Unknown`."""
        return condition(test, self._values)

    def operations(self, node: ast.expr) -> Operations | None:
        """``op`` or a batch, where the name is one's."""
        found = self._values.get(node.id) if isinstance(node, ast.Name) else None
        return found if isinstance(found, Operations) else None

    def is_harmless(self, name: str) -> bool:
        """Whether a function of that name does nothing to keys."""
        return name in self._harmless

    def rounds(self, loop: ast.For) -> list[dict[str, Any]]:
        """What the names of a loop are, round for round.

        Errors: :exc:`.Unknown`.
        """
        try:
            return [dict(unpacked(loop.target, item)) for item in self.value(loop.iter)]
        except (TypeError, ValueError) as error:
            raise Unknown from error

    def update(self, given: Mapping[str, Any]) -> None:
        """Give names the values of a round."""
        self._values.update(given)

    def imported(self, statement: ast.Import | ast.ImportFrom) -> None:
        """``from alembic import op`` and ``import alembic.op as op``, and whatever they are called."""
        module = statement.module or "" if isinstance(statement, ast.ImportFrom) else ""
        if module.partition(".")[0] in HARMLESS:
            self._harmless.update(name.asname or name.name for name in statement.names)
        for name in statement.names:
            if name.name in {"op", "alembic.op"}:
                self._values[name.asname or name.name] = Operations()

    def assign(self, targets: Sequence[ast.expr], given: ast.expr) -> None:
        """The names get the value, where it is known; else nobody knows theirs any more."""
        for target in targets:
            try:
                self._values.update(dict(unpacked(target, self.value(given))))
            except (Unknown, TypeError, ValueError):
                self.forget(target)

    def entered(self, item: ast.withitem) -> None:
        """What a batch is called."""
        match item:
            case ast.withitem(
                context_expr=ast.Call(func=ast.Attribute(value=owner, attr="batch_alter_table")) as call,
                optional_vars=ast.Name(id=name),
            ) if self.operations(owner) is not None:
                try:
                    given = arguments(call, ("table_name", "schema"), self.value)
                    self._values[name] = Operations(TableName(given.get("schema"), given["table_name"]))
                except (Unknown, KeyError):
                    self._values.pop(name, None)

    def forget(self, node: ast.AST) -> None:
        """Names that get another value in what is not followed are not known any more."""
        for part in ast.walk(node):
            match part:
                case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                    self._values.pop(name, None)
                case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
                    self._values.pop(name, None)
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attribute)) if attribute in CHANGING:
                    self._values.pop(name, None)
