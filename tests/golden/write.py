"""Write a golden revision: ``python write.py <name>``, once; what is written is never written again.

A case lives in a directory: ``before.sql`` (schema and rows), ``models.py`` (what they are to become) and, written by this
script, ``revision.py`` as autogenerate renders it and ``after.txt``, every row and constraint after the upgrade.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))


def main(name: str) -> int:
    """0 where the revision is written."""
    from conftest import start_embedded  # noqa: PLC0415
    from project import Project  # noqa: PLC0415
    from sqlalchemy import URL  # noqa: PLC0415

    from golden.replay import models_of, options_of, prepared, state  # noqa: PLC0415

    case = HERE / name
    if (case / "revision.py").exists():
        print(f"{name} is golden already: make a case of another name")
        return 1
    with TemporaryDirectory(prefix="cascade-golden-", ignore_cleanup_errors=True) as directory:
        host, stop = start_embedded(int(os.environ.get("TEST_POSTGRESQL", "18")), Path(directory))
        try:
            url = URL.create("postgresql+psycopg", username="postgres", database="postgres", query={"host": host})
            url = url.update_query_dict({"port": "5432"})
            project = prepared(Project(Path(directory) / "project", url), case)
            project.metadata, project.options = models_of(case), options_of(case)
            text = project.revision(rev_id=f"golden_{name}").text
            text = re.sub(r"^ *# ### .* ###\n", "", text, flags=re.MULTILINE)
            project.upgrade()
            (case / "revision.py").write_text(text)
            (case / "after.txt").write_text(state(project))
        finally:
            stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
