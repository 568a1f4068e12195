"""What a revision's text does to keys: read, never run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Any

from alembic_cascade.report.evaluating import LONGEST, Unknown, first_line
from alembic_cascade.report.names import Names
from alembic_cascade.report.operations import ONLY_A_RUN, is_about_keys, operation_steps
from alembic_cascade.report.steps import Step, Unread

# SQL that somebody wrote, in which keys come and go.
ABOUT_KEYS = re.compile(
    r"\b(?:FOREIGN\s+KEY|REFERENCES|(?:ADD|DROP|ALTER|VALIDATE)\s+CONSTRAINT|DROP\s+TABLE)\b", re.IGNORECASE
)

ELSEWHERE = "it calls {}, which is no function of this revision: only a run of it would tell"
FROM_A_FILE = "it reads a file, and only a run of it would tell what for: {}"

READING = frozenset({"open", "read", "read_text"})

# A function of the revision that calls another one, and so on.
DEEPEST = 20

NOTHING: Mapping[str, Any] = MappingProxyType({})


class _Return(Exception):  # noqa: N818
    """A function ends."""


class _Continue(Exception):  # noqa: N818
    """A round of a loop ends."""


class _Break(Exception):  # noqa: N818
    """A loop ends."""


def steps_of(tree: ast.Module, function: str = "upgrade") -> list[Step]:
    """What the function of a revision does to keys, in its order."""
    reader = _Reader(tree)
    found = reader.functions.get(function)
    return [] if found is None else list(reader.read(found))


class _Reader:
    """One reading; names are those of the module, and of each function that is read."""

    def __init__(self, tree: ast.Module) -> None:
        self.functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        self._names = Names()
        self._depth = 0
        # Nothing that a module does while it is imported is about keys.
        for node in tree.body:
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Import | ast.ImportFrom):
                list(self._statement(node))
            elif not isinstance(node, ast.FunctionDef):
                self._names.forget(node)

    def read(self, function: ast.FunctionDef, given: Mapping[str, Any] = NOTHING) -> Iterator[Step]:
        """The steps of a function, whose arguments are known or not."""
        self._depth += 1
        try:
            with self._names.of_call(function, given), suppress(_Return):
                yield from self._body(function.body)
        finally:
            self._depth -= 1

    def _body(self, statements: Sequence[ast.stmt]) -> Iterator[Step]:
        for statement in statements:
            yield from self._statement(statement)

    def _statement(self, statement: ast.stmt) -> Iterator[Step]:
        match statement:
            case ast.ImportFrom() | ast.Import():
                self._names.imported(statement)
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                yield from self._assignment(statement)
            case ast.Expr(value=ast.Call(func=ast.Name(id=name))) if not self._is_known(name):
                yield Unread(statement.lineno, ELSEWHERE.format(name))
            case ast.Expr(value=expression):
                yield from self._expression(expression)
                self._names.forget(expression)
            case ast.FunctionDef(name=name):
                self.functions[name] = statement
            case ast.Return():
                raise _Return
            case ast.Continue():
                raise _Continue
            case ast.Break():
                raise _Break
            case ast.ClassDef() | ast.Pass():
                pass
            case _:
                yield from self._block(statement)

    def _is_known(self, name: str) -> bool:
        return name in self.functions or self._names.is_harmless(name)

    def _block(self, statement: ast.stmt) -> Iterator[Step]:
        match statement:
            case ast.With(items=items, body=body):
                for item in items:
                    yield from self._expression(item.context_expr)
                    self._names.entered(item)
                yield from self._body(body)
            case ast.For():
                yield from self._loop(statement)
            case ast.If(test=test, body=body, orelse=orelse):
                yield from self._branch(statement, test, body, orelse)
            case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final):
                yield from self._body([*body, *orelse])
                for handler in handlers:
                    yield from self._unread(handler, "it depends on a run whether something fails")
                yield from self._body(final)
            case _:
                yield from self._unread(statement)

    def _assignment(self, statement: ast.Assign | ast.AnnAssign | ast.AugAssign) -> Iterator[Step]:
        match statement:
            case ast.Assign(targets=targets, value=given):
                yield from self._expression(given)
                self._names.assign(targets, given)
            case ast.AnnAssign(target=target, value=ast.expr() as given):
                yield from self._expression(given)
                self._names.assign([target], given)
            case ast.AugAssign(target=ast.Name(id=name) as target, op=operator, value=given):
                self._names.assign([target], ast.BinOp(ast.Name(name, ast.Load()), operator, given))
            case ast.AugAssign(target=target):
                self._names.forget(target)

    def _loop(self, loop: ast.For) -> Iterator[Step]:
        try:
            rounds = self._names.rounds(loop)
        except Unknown:
            yield from self._unread(loop, f"what {ast.unparse(loop.iter)} goes through is not known before a run")
            return
        if len(rounds) > LONGEST:
            yield from self._unread(
                loop, f"{len(rounds):,} rounds are more than are followed: only a run of it would tell"
            )
            return
        try:
            for given in rounds:
                self._names.update(given)
                with suppress(_Continue):
                    yield from self._body(loop.body)
        except _Break:
            return
        yield from self._body(loop.orelse)

    def _branch(
        self, statement: ast.If, test: ast.expr, body: Sequence[ast.stmt], orelse: Sequence[ast.stmt]
    ) -> Iterator[Step]:
        try:
            chosen = body if self._names.holds(test) else orelse
        except Unknown:
            said = f"it depends on a run whether {ast.unparse(test)}"
            if any(isinstance(node, ast.Return | ast.Break | ast.Continue) for node in ast.walk(statement)):
                yield Unread(statement.lineno, f"{said}, and what follows is done")
                self._names.forget(statement)
            else:
                yield from self._unread(statement, said)
            return
        yield from self._body(chosen)

    def _unread(self, statement: ast.AST, said: str = ONLY_A_RUN) -> Iterator[Step]:
        """One note for a statement, if something in it may be about keys; what it does to names is not known."""
        if self._concerns_keys(statement):
            yield Unread(getattr(statement, "lineno", 1), said)
        self._names.forget(statement)

    def _concerns_keys(self, statement: ast.AST, seen: frozenset[str] = frozenset()) -> bool:
        for node in ast.walk(statement):
            match node:
                case ast.Attribute() | ast.Call() if is_about_keys(node):
                    return True
                case ast.Constant(value=str() as text) if ABOUT_KEYS.search(text):
                    return True
                case ast.Expr(value=ast.Call(func=ast.Name(id=name))) if not self._is_known(name):
                    return True
                case ast.Call(func=ast.Name(id=name)) if name in self.functions and name not in seen:
                    if self._concerns_keys(self.functions[name], seen | {name}):
                        return True
        return False

    def _expression(self, expression: ast.expr) -> Iterator[Step]:
        match expression:
            case ast.Call(func=ast.Attribute(value=owner)) if (operations := self._names.operations(owner)) and (
                name := is_about_keys(expression)
            ):
                try:
                    yield from operation_steps(name, operations, expression, self._names.value)
                except (Unknown, KeyError):
                    yield Unread(expression.lineno, f"op.{name}: {ONLY_A_RUN}")
            case ast.Call(func=ast.Name(id=name)) if name in self.functions and not self._says_sql(expression):
                yield from self._call(self.functions[name], expression)
            case _:
                yield from self._other(expression)

    def _other(self, expression: ast.expr) -> Iterator[Step]:
        """An expression that is none of the operations, in which one may be hidden."""
        if self._says_sql(expression):
            yield Unread(expression.lineno, f"it runs SQL of its own: {first_line(expression)}")
            return
        for node in ast.walk(expression):
            match node:
                case ast.Attribute() | ast.Call() if name := is_about_keys(node):
                    yield Unread(expression.lineno, f"op.{name}: {ONLY_A_RUN}")
                    return
                case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)) if name in READING:
                    yield Unread(expression.lineno, FROM_A_FILE.format(first_line(expression)))
                    return
                case ast.Call(func=function, args=given) if any(map(self._names.operations, given)):
                    yield Unread(expression.lineno, ELSEWHERE.format(ast.unparse(function)))
                    return

    def _says_sql(self, expression: ast.expr) -> bool:
        texts = []
        for node in ast.walk(expression):
            if isinstance(node, ast.Constant | ast.JoinedStr | ast.Name):
                try:
                    texts.append(self._names.value(node))
                except Unknown:
                    continue
        return any(isinstance(text, str) and ABOUT_KEYS.search(text) for text in texts)

    def _call(self, function: ast.FunctionDef, call: ast.Call) -> Iterator[Step]:
        if self._depth >= DEEPEST:
            yield from self._unread(call, f"calls deeper than {DEEPEST} are not followed: only a run of it would tell")
            return
        places = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
        given = {}
        for name, argument in [*zip(places, call.args, strict=False), *((one.arg, one.value) for one in call.keywords)]:
            if name is not None and not isinstance(argument, ast.Starred):
                try:
                    given[name] = self._names.value(argument)
                except Unknown:
                    continue
        yield from self.read(function, given)
