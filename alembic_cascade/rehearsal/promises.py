"""What ON DELETE and relationships promise, proved on the upgraded database."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, MetaData

from alembic_cascade.config import CascadeConfig
from alembic_cascade.proof import Proof, proofs
from alembic_cascade.rehearsal.rows import Step


def proved(
    connection: Connection, metadatas: Sequence[MetaData], config: CascadeConfig, step: Step
) -> tuple[Proof, ...]:
    """A proof for each key and relationship of the models; nothing that it makes stays."""
    found = []
    for proof in proofs(connection, metadatas, config=config):
        step(f"verified {proof.subject}")
        found.append(proof)
    return tuple(found)
