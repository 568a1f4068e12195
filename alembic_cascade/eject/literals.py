"""SQL as a Python literal that can be read, and is the same text to the letter."""

from __future__ import annotations

import ast


def literal(text: str) -> str:
    """A literal over as many lines as the text has."""
    quoted = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if quoted.endswith('"'):
        quoted = f'{quoted[:-1]}\\"'
    written = f'"""{"".join(map(_shown, quoted))}"""'
    assert ast.literal_eval(written) == text
    return written


def _shown(letter: str) -> str:
    """What an editor would not show, or Python would read as a line break, is written as an escape."""
    return letter if letter.isprintable() or letter in "\n\t" else repr(letter)[1:-1]
