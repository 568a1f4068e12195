"""Proofs of keys and relationships, on schemas of all kinds and with each rule broken in turn."""
