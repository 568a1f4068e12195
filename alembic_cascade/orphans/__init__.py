"""Rows that refer to no parent: what becomes of them, and the quarantine that keeps them."""
