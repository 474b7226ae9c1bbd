"""Run `ac-mcp` as `python -m ac_mcp`."""

from ac_mcp.cli.main import main

if __name__ == "__main__":
    main()
