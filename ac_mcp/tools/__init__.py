"""The tools a server offers, the operations it can run beyond them, and the search for operations."""
