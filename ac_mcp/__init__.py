"""An MCP server for ActiveCampaign accounts.

Public, and kept from one minor version to the next, are the command line (`ac-mcp …`), the environment variables
(`ac_mcp.settings.Settings`), MCP (tools, prompts, resources), the state folder (`PRAGMA user_version` of its files),
and for Python `ac_mcp.__version__` and `ac_mcp.sandbox`. Everything else is private and moves without notice.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
