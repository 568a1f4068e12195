"""The diagram as SVG: Graphviz lays it out."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec

from alembic_cascade.errors import CascadeError
from alembic_cascade.report.diagram import Diagram
from alembic_cascade.report.dot import dot_text, star_attributes

STANDARD_ERROR = 2


def can_draw() -> bool:
    """Whether pygraphviz is there, of the extra ``report``."""
    return find_spec("pygraphviz") is not None


def svg(diagram: Diagram, *, legend: bool = True) -> str:
    """An SVG whose elements have classes, such as ``rule-cascade``; no font is asked for where texts are measured.

    Errors: :exc:`.CascadeError` without pygraphviz, of the extra ``report``.
    """
    if not can_draw():
        raise CascadeError("pygraphviz is missing, which lays diagrams out: pip install alembic-cascade[report]")
    with _without_remarks():
        graph = import_module("pygraphviz").AGraph(string=dot_text(diagram, legend=legend))
        # A legend has no place around a table.
        around = diagram.is_star and not legend
        graph.graph_attr.update(star_attributes(diagram) if around else {})
        drawn: bytes = graph.draw(format="svg", prog="twopi" if around else "dot")
    return drawn.decode()


@contextmanager
def _without_remarks() -> Iterator[None]:
    """Nothing on standard error: the libraries in the wheel remark on the system's own files for fonts."""
    sys.stderr.flush()
    kept, nowhere = os.dup(STANDARD_ERROR), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, STANDARD_ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.dup2(kept, STANDARD_ERROR)
        os.close(kept)
        os.close(nowhere)
