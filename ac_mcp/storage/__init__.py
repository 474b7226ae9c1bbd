"""Where state is kept: SQLite, Redis, the journal."""
