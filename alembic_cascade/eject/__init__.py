"""The way out: revisions rewritten so that they need Alembic alone."""
