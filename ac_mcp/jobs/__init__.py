"""Jobs: bulk changes, imports, exports and their undos, which run in the background."""
