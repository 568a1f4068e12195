"""Whole applications, each with the work that its author wanted done."""
