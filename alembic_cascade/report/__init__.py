"""The report: a project's keys, tables and relationships, what a migration does to them, and the diagram of it all."""
