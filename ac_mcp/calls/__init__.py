"""One tool call, from arguments to answer."""
