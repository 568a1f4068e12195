"""``python -m alembic_cascade.cli``."""

from __future__ import annotations

from alembic_cascade.cli import main

if __name__ == "__main__":
    main()
