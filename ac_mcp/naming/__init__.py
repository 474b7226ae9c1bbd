"""Names to ids, and back."""
