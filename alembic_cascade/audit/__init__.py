"""The audit: relationships against foreign keys, foreign keys against the database, and what follows from both."""
