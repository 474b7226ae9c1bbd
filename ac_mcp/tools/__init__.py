"""Which tools a server offers, what it can run beyond them, and the search."""
