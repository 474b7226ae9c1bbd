"""What surrounds a write: audit log, before images, confirmation, reconciliation, undo."""
