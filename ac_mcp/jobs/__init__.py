"""Work on many records in the background."""
