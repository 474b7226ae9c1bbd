"""Resolve names to ids in arguments, and ids to names in answers."""
