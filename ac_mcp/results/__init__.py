"""From payload or error to what the model reads: pure functions."""
