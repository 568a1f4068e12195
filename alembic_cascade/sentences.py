"""Words that several messages share."""

from __future__ import annotations

from collections.abc import Sequence


def first_of(names: Sequence[str], most: int) -> str:
    """``most`` of the names at most, and how many more there are: ``posts, users and 3 more``."""
    listed, more = ", ".join(names[:most]), len(names) - most
    return f"{listed} and {more} more" if more > 0 else listed
