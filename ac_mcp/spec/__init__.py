"""How an operation is declared."""
