"""The only way out: every request of every call is paced, timed and, where that is safe, retried here."""
