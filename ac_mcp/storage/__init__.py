"""Where state is stored: SQLite, Redis and the journal on top of them."""
