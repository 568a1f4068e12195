"""Upgrades, verified, taken back and done again before they run where it matters."""
