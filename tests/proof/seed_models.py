"""The models of the five applications, as they are after the work that their authors wanted done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.models import imported
from audit.test_seed_004 import MENDED
from seeds.examples import example_module
from seeds.test_seed_001_lifecycle import MODELS as BOARDS
from seeds.test_seed_003 import health_models

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import MetaData

# Models are found by what modules hold.
BoardBase = BOARDS["declared"].Base

SEEDS = ("000", "001", "002", "003", "004")


def seed_models(seed: str, directory: Path) -> MetaData:
    """What the application's env.py gives to Alembic."""
    match seed:
        case "000":
            return example_module("collaboration").Base.metadata
        case "001":
            return BoardBase.metadata
        case "002":
            return example_module("flows").Base.metadata
        case "003":
            return health_models("CASCADE")
        case _:
            return imported(directory, MENDED).Base.metadata
