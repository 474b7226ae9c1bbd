"""What all resources share: rows in SQLite, columns, dates, errors, list queries, and the five common operations."""
