"""Proofs that foreign keys and relationships do what they promise, by rows that are made, deleted and rolled back."""

from __future__ import annotations

from alembic_cascade.proof.claims import Claim, claims
from alembic_cascade.proof.outcome import Proof
from alembic_cascade.proof.proving import Prover, proofs, prove

__all__ = ["Claim", "Proof", "Prover", "claims", "proofs", "prove"]
