"""Serve the operations over MCP: tools, resources, prompts, skills, and the HTTP side."""
