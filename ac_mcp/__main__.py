"""`python -m ac_mcp` is `ac-mcp`."""

from ac_mcp.cli.main import main

if __name__ == "__main__":
    main()
