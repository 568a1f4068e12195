"""Columns that say when something happened to a row: found when missing, filled honestly, kept true."""
