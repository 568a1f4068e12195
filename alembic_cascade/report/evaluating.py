"""What an expression in a revision's text is, where it can be known without running it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

# More is no list of tables that somebody wrote down.
LONGEST = 10_000

# What can be done with text and lists of literals; none of it changes anything.
FUNCTIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {"list": list, "tuple": tuple, "sorted": sorted, "enumerate": enumerate, "zip": zip, "dict": dict, "len": len,
     "str": str, "reversed": reversed, "set": set}
)  # fmt: skip
METHODS: Final = frozenset(
    {"format", "lower", "upper", "strip", "removeprefix", "removesuffix", "replace", "split", "join", "items", "keys",
     "values", "get"}
)  # fmt: skip
# What SQLAlchemy and Alembic make of a text that stays the same text.
WRAPPERS: Final = frozenset({"f", "text", "quoted_name", "conv"})


class Unknown(Exception):  # noqa: N818 - it is an answer, and no error of anybody's
    """Only a run of the revision would tell."""


def value(expression: ast.expr, names: Mapping[str, object]) -> Any:
    """The value of an expression of literals and of ``names``.

    Errors: :exc:`Unknown` for everything else.
    """
    try:
        return _value(expression, names)
    except Unknown:
        raise
    except Exception as error:
        # Whatever the text does wrong, a run of it would say.
        raise Unknown from error


def _value(node: ast.expr, names: Mapping[str, object]) -> Any:
    match node:
        case ast.Constant(value=found):
            return found
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.List(elts=elements):
            return _several(elements, names)
        case ast.Tuple(elts=elements):
            return tuple(_several(elements, names))
        case ast.Set(elts=elements):
            # In the order of the text: a set's own is another one in every process.
            return list(dict.fromkeys(_several(elements, names)))
        case ast.Dict(keys=keys, values=values):
            return {
                _value(key, names): _value(found, names)
                for key, found in zip(_without_unpacking(keys), values, strict=True)
            }
    return _computed(node, names)


def _computed(node: ast.expr, names: Mapping[str, object]) -> Any:
    match node:
        case ast.JoinedStr(values=parts):
            return "".join(_part(part, names) for part in parts)
        case ast.Subscript(value=of, slice=place):
            return _value(of, names)[_value(place, names)]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, names)
        case ast.Call():
            return _called(node, names)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return _value(body if condition(test, names) else orelse, names)
        case ast.BinOp(left=left, op=operator, right=right):
            return _joined(operator, _value(left, names), _value(right, names))
    raise Unknown


def unpacked(target: ast.expr, item: Any) -> Iterator[tuple[str, Any]]:
    """The names of a target, each with its part of ``item``.

    Errors: :exc:`Unknown`; :exc:`TypeError` and :exc:`ValueError` where there are not as many parts.
    """
    match target:
        case ast.Name(id=name):
            yield name, item
        case ast.Tuple(elts=elements):
            for element, part in zip(elements, item, strict=True):
                yield from unpacked(element, part)
        case _:
            raise Unknown


def condition(test: ast.expr, names: Mapping[str, object]) -> bool:
    """Whether a condition holds.

    Errors: :exc:`Unknown`.
    """
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not condition(operand, names)
        case ast.BoolOp(op=operator, values=parts):
            together = all if isinstance(operator, ast.And) else any
            return together([condition(part, names) for part in parts])
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            return _compared(operator, value(left, names), value(right, names))
    return bool(value(test, names))


def _compared(operator: ast.cmpop, left: Any, right: Any) -> bool:
    match operator:
        case ast.Eq():
            return bool(left == right)
        case ast.NotEq():
            return bool(left != right)
        case ast.In():
            return left in right
        case ast.NotIn():
            return left not in right
        case ast.Is():
            return left is right
        case ast.IsNot():
            return left is not right
    raise Unknown


def _several(elements: list[ast.expr], names: Mapping[str, object]) -> list[Any]:
    found: list[Any] = []
    for element in elements:
        if isinstance(element, ast.Starred):
            found.extend(_value(element.value, names))
        else:
            found.append(_value(element, names))
    return found


def _without_unpacking(keys: list[ast.expr | None]) -> list[ast.expr]:
    if None in keys:
        raise Unknown
    return [key for key in keys if key is not None]


def _part(part: ast.expr, names: Mapping[str, object]) -> str:
    match part:
        case ast.Constant(value=found):
            return str(found)
        case ast.FormattedValue(value=found, conversion=-1, format_spec=None):
            return str(_value(found, names))
    raise Unknown


def _joined(operator: ast.operator, left: Any, right: Any) -> Any:
    if isinstance(operator, ast.Add) and type(left) is type(right) and isinstance(left, str | list | tuple):
        return left + right
    # A format such as "%1000000s" makes more of a text than it is.
    if isinstance(operator, ast.Mod) and isinstance(left, str) and left.count("%") == left.count("%s"):
        return left % right
    raise Unknown


def _called(call: ast.Call, names: Mapping[str, object]) -> Any:
    arguments = _several(call.args, names)
    if call.keywords:
        keywords = {keyword.arg: _value(keyword.value, names) for keyword in call.keywords}
        match call.func:
            case ast.Attribute(value=of, attr="format") if None not in keywords:
                return _value(of, names).format(*arguments, **{str(name): found for name, found in keywords.items()})
        raise Unknown
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name) if name in WRAPPERS and isinstance(arguments[0], str):
            return arguments[0]
        case ast.Name(id="range") if len(found := range(*arguments)) <= LONGEST:
            return list(found)
        case ast.Name(id=name) if name in FUNCTIONS:
            made = FUNCTIONS[name](*arguments)
            return list(made) if name in {"enumerate", "zip", "reversed", "set"} else made
        case ast.Attribute(value=of, attr=name) if name in METHODS:
            owner = _value(of, names)
            if isinstance(owner, str | dict):
                return getattr(owner, name)(*arguments)
    raise Unknown


def first_line(expression: ast.expr) -> str:
    """The text of an expression, cut after a hundred letters."""
    text = " ".join(ast.unparse(expression).split())
    return text if len(text) <= 100 else f"{text[:99]}…"  # noqa: PLR2004
