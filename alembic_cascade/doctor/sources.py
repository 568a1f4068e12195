"""Which tables a module's text defines: read, never imported and never run."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

COLUMNS = {"Column", "mapped_column"}
DECORATORS = {"mapped", "mapped_as_dataclass"}


@dataclass(frozen=True)
class Defined:
    """A model or a ``Table`` that a module's text defines, by the name that the module has for it; "" without one.

    ``table`` is what the text calls its table, None where it does not say.
    """

    name: str
    line: int
    table: str | None = None


@dataclass(frozen=True)
class Source:
    """A module's text, by the dotted name under which it would be imported."""

    module: str
    path: Path
    defined: tuple[Defined, ...]
    imports: frozenset[str]


def read_source(module: str, path: Path, bases: Collection[str]) -> Source | None:
    """What a module defines and imports; None where the file is no Python, which nobody can import either.

    ``bases`` are the names of classes from which models derive: where one gives its models their tables, they need not
    name them.
    """
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return Source(module, path, tuple(_defined(tree.body, bases)), frozenset(_imported(tree, package)))


def _defined(statements: list[ast.stmt], bases: Collection[str]) -> Iterator[Defined]:
    """What is defined when the module is imported; in a function, or for types alone, nothing is."""
    for statement in statements:
        match statement:
            case ast.ClassDef() if _is_model(statement, bases):
                yield Defined(statement.name, statement.lineno, _text(dict(_assigned(statement)).get("__tablename__")))
            case ast.ClassDef():
                yield from _defined(statement.body, bases)
            case ast.If() if not _is_never_imported(statement.test):
                yield from _defined([*statement.body, *statement.orelse], bases)
            case ast.If():
                yield from _defined(statement.orelse, bases)
            case ast.Try():
                handled = [inner for handler in statement.handlers for inner in handler.body]
                yield from _defined([*statement.body, *handled, *statement.orelse], bases)
            case ast.With():
                yield from _defined(statement.body, bases)
            case ast.Assign(value=ast.Call() as call) | ast.AnnAssign(value=ast.Call() as call) if _is_table(call):
                yield Defined(_target(statement), statement.lineno, _text(call.args[0]))
            case ast.Expr(value=ast.Call() as call) if _is_table(call):
                yield Defined("", statement.lineno, _text(call.args[0]))


def _is_never_imported(test: ast.expr) -> bool:
    """``if TYPE_CHECKING`` and ``if __name__ == "__main__"``."""
    return "TYPE_CHECKING" in ast.unparse(test) or (isinstance(test, ast.Compare) and "__name__" in ast.unparse(test))


def _is_model(written: ast.ClassDef, bases: Collection[str]) -> bool:
    """Whether a class has a table of its own, rather than being there for others to derive from."""
    assigned = dict(_assigned(written))
    if _is_true(assigned.get("__abstract__")):
        return False
    if any(keyword.arg == "table" and _is_true(keyword.value) for keyword in written.keywords):
        # SQLModel: https://sqlmodel.tiangolo.com/tutorial/create-db-and-table/
        return True
    decorated = any(_last_name(decorator) in DECORATORS for decorator in written.decorator_list)
    if not written.bases and not decorated:
        # A mixin's table is that of who mixes it in.
        return False
    if assigned.keys() & {"__tablename__", "__table__"}:
        return True
    # What derives from a base that has no table gets one, if it has columns.
    return any(_last_name(base) in bases for base in written.bases) and any(map(_is_column, written.body))


def _assigned(written: ast.ClassDef) -> Iterator[tuple[str, ast.expr | None]]:
    for statement in written.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), value=value):
                yield name, value


def _is_column(statement: ast.stmt) -> bool:
    match statement:
        case ast.AnnAssign(annotation=ast.Subscript(value=mapped)) if _last_name(mapped) == "Mapped":
            return True
        case ast.Assign(value=ast.Call() as call) | ast.AnnAssign(value=ast.Call() as call):
            return _last_name(call) in COLUMNS
    return False


def _text(expression: ast.expr | None) -> str | None:
    found = expression.value if isinstance(expression, ast.Constant) else None
    return found if isinstance(found, str) else None


def _is_true(expression: ast.expr | None) -> bool:
    return isinstance(expression, ast.Constant) and expression.value is True


def _is_table(call: ast.Call) -> bool:
    """``Table("name", metadata, ...)``, but not one that has a MetaData of its own, made to be thrown away."""
    match call.args:
        case [ast.Constant(value=str()), ast.Name() | ast.Attribute(), _, *_]:
            return _last_name(call) == "Table"
    return False


def _target(statement: ast.Assign | ast.AnnAssign) -> str:
    target = statement.target if isinstance(statement, ast.AnnAssign) else statement.targets[0]
    return target.id if isinstance(target, ast.Name) else ""


def _last_name(expression: ast.expr) -> str:
    """``Column`` of ``sa.Column(...)``, ``mapped`` of ``registry.mapped``."""
    match expression:
        case ast.Call(func=function):
            return _last_name(function)
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def _imported(tree: ast.Module, package: str) -> Iterator[str]:
    """Every module that the text names in an import, and what it takes out of one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            yield origin
            yield from (f"{origin}.{name.name}" for name in node.names)
