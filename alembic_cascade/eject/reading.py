"""The plugin's traces in a revision's text: calls of its operations, imports of it, and what nobody can rewrite."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from alembic.operations import Operations

OPERATIONS = frozenset(
    {
        "add_foreign_key",
        "add_foreign_key_index",
        "alter_foreign_key",
        "backfill_lifecycle_column",
        "begin_concurrently",
        "clean_orphans",
        "create_lifecycle_trigger",
        "drop_foreign_key",
        "drop_foreign_key_index",
        "drop_lifecycle_trigger",
        "restore_orphans",
        "translate_references",
    }
)
PACKAGE = "alembic_cascade"


@dataclass(frozen=True)
class Refusal:
    """What can't be rewritten, and why."""

    line: int
    reason: str


@dataclass(frozen=True)
class Call:
    """A call of an operation that is a statement of its own, with the values of its arguments.

    ``function`` is what it stands in, such as ``upgrade``.
    """

    statement: ast.Expr
    name: str
    arguments: tuple[ast.expr, ...]
    keywords: Mapping[str, ast.expr]
    function: ast.FunctionDef | None = None


@dataclass
class Reading:
    """A revision's text, read."""

    tree: ast.Module
    calls: list[Call] = field(default_factory=list)
    imports: list[ast.Import | ast.ImportFrom] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    prefix: str = "op"
    constants: Mapping[str, ast.expr] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        """Whether the plugin has left no trace in it."""
        return not (self.calls or self.imports or self.refusals)

    def value(self, expression: ast.expr, operations: Operations) -> object:
        """What an argument is: a literal, a name that the module gives one, or a list of such.

        Errors: :exc:`ValueError` for everything that only a run of the revision would tell.
        """
        match expression:
            case ast.Name(id=name) if name in self.constants:
                return self.value(self.constants[name], operations)
            case ast.List(elts=elements):
                return [self.value(element, operations) for element in elements]
            case ast.Tuple(elts=elements):
                return tuple(self.value(element, operations) for element in elements)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=self.prefix), attr="f"), args=[name], keywords=[]):
                return operations.f(str(self.value(name, operations)))
        return ast.literal_eval(expression)


def read(text: str | bytes) -> Reading:
    """The traces in a revision's text.

    Errors: :exc:`SyntaxError`.
    """
    tree = ast.parse(text)
    found = Reading(tree, constants=dict(_constants(tree)))
    found.prefix = next(_prefixes(tree), "op")
    found.imports = [node for node in ast.walk(tree) if _is_of_package(node)]  # type: ignore[misc]
    found.calls = list(_calls(tree, found.prefix, None))
    found.refusals = sorted(_refusals(found), key=lambda refusal: refusal.line)
    return found


def _prefixes(tree: ast.Module) -> Iterator[str]:
    """What ``alembic.op`` is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "alembic":
            yield from (name.asname or name.name for name in node.names if name.name == "op")


def _constants(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """The names that are given a value once, at the module's own level, and nowhere another one."""
    given = Counter(name for node in ast.walk(tree) for name in _given(node))
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if given[name] == 1:
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if given[name] == 1:
                yield name, value


def _given(node: ast.AST) -> Iterator[str]:
    """The names that get a value there, or whose value may be changed."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            yield name
        case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.ExceptHandler(name=str() as name) | ast.MatchAs(name=str() as name):
            yield name
        case ast.alias(name=name, asname=other):
            yield other or name.partition(".")[0]
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append" | "extend" | "insert" | "remove")):
            yield name
        case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
            yield name


def _is_of_package(node: ast.AST) -> bool:
    match node:
        case ast.Import(names=names):
            return any(name.name.partition(".")[0] == PACKAGE for name in names)
        case ast.ImportFrom(module=str() as module, level=0):
            return module.partition(".")[0] == PACKAGE
    return False


def _calls(node: ast.AST, prefix: str, function: ast.FunctionDef | None) -> Iterator[Call]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attribute)) as call) if (
                name == prefix and attribute in OPERATIONS
            ):
                keywords = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}
                if len(keywords) == len(call.keywords) and not any(isinstance(one, ast.Starred) for one in call.args):
                    yield Call(child, attribute, tuple(call.args), keywords, function)
            case ast.FunctionDef():
                yield from _calls(child, prefix, child)
            case _:
                yield from _calls(child, prefix, function)


def _refusals(found: Reading) -> Iterator[Refusal]:
    """Everything of the plugin's that is not one of the calls and imports."""
    known = {id(call.statement.value.func) for call in found.calls if isinstance(call.statement.value, ast.Call)}
    brought = {name.asname or name.name.partition(".")[0]: node for node in found.imports for name in node.names}
    names_used = {node.id for node in ast.walk(found.tree) if isinstance(node, ast.Name)}
    for node in ast.walk(found.tree):
        match node:
            case ast.Attribute(value=owner, attr=name) if name in OPERATIONS and id(node) not in known:
                said = f"{ast.unparse(owner)}.{name}"
                if ast.unparse(owner) == found.prefix:
                    reason = f"{said} is not a statement of its own, or its arguments are unpacked"
                else:
                    reason = f"{said} is not called as {found.prefix}.{name}, as in a batch"
                yield Refusal(node.lineno, reason)
            case ast.Call(func=ast.Name(id="getattr"), args=[_, ast.Constant(value=str() as name), *_]) if (
                name in OPERATIONS
            ):
                yield Refusal(node.lineno, f"{name} is called by another name")
            case ast.Name(id=name, ctx=ast.Load()) if name in brought:
                yield Refusal(node.lineno, f"{name} is the plugin's, and the revision uses it")
            case ast.Import(names=names) if _is_of_package(node) and not all(
                name.name.partition(".")[0] == PACKAGE for name in names
            ):
                yield Refusal(node.lineno, "the plugin is imported together with something else")
            case ast.ImportFrom(module="alembic.op", names=names):
                taken = {name.name for name in names}
                called = OPERATIONS & (names_used if "*" in taken else taken)
                if called:
                    yield Refusal(node.lineno, f"{', '.join(sorted(called))} is imported from alembic.op by name")
            case ast.ImportFrom(names=[ast.alias(name="*")]) if _is_of_package(node):
                yield Refusal(node.lineno, f"{ast.unparse(node)} hides what is used of it")
