"""The one way out: every request of every call goes through here, paced, timed and retried where that is safe."""
