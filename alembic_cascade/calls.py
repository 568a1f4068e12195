"""A call of an operation as a revision's text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from alembic.autogenerate.render import renderers
from alembic.operations import ops

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext

# A call longer than this, the revision's own indentation left aside, is written over several lines.
LINE_LENGTH = 100


class Code(str):
    """An argument that is written as it is, such as a variable's name."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def written(autogen_context: AutogenContext, op: ops.MigrateOperation) -> list[str]:
    """The lines of another operation."""
    rendered = renderers.dispatch(op)(autogen_context, op)
    return [rendered] if isinstance(rendered, str) else list(rendered)


def prefix(autogen_context: AutogenContext) -> str:
    """What stands before an operation's name: ``op.``."""
    return str(autogen_context.opts["alembic_module_prefix"] or "")


def call(function: str, arguments: Sequence[str], keywords: Mapping[str, object]) -> list[str]:
    """A call on one line where it fits, else with lines for the key, for its rule and for what it had before."""
    pairs = [f"{name}={value!r}" for name, value in keywords.items()]
    single = f"{function}({', '.join([*arguments, *pairs])})"
    if len(single) <= LINE_LENGTH:
        return [single]
    first = next((place for place, keyword in enumerate(pairs) if keyword.startswith("existing_")), len(pairs))
    now, was = pairs[:first], pairs[first:]
    together = len(", ".join(pairs)) <= LINE_LENGTH
    lines = [", ".join(arguments), *_filled(pairs if together else now), *_filled([] if together else was)]
    return [f"{function}(", *(f"    {line}," for line in lines if line), ")"]


def _filled(items: Sequence[str]) -> list[str]:
    """``items`` on as few lines as they fit on."""
    lines: list[str] = []
    for item in items:
        if lines and len(f"{lines[-1]}, {item}") <= LINE_LENGTH:
            lines[-1] += f", {item}"
        else:
            lines.append(item)
    return lines
