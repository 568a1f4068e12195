"""Models of one test are not those of the next."""

from __future__ import annotations

import pytest
from audit.models import forget

forgotten = pytest.fixture(autouse=True)(forget)
