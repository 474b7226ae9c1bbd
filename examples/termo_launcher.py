"""The Termo launcher with its Claude adapter: config.json names the server, Claude Code starts it and lists its tools.

    pip install -r examples/requirements/termo_launcher.txt
    python examples/termo_launcher.py                              # starts `ac-mcp --sandbox`
    python examples/termo_launcher.py http://127.0.0.1:8765/mcp    # over HTTP

In earnest: copy examples/termo/config.json to ~/.termo-agent/config.json, put your key in, and run
`termo-agent --adapter claude_agents`. This script asks Claude Code for the state of the server, which needs no key;
with ANTHROPIC_API_KEY set it asks the agent a question too.
"""

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path

CONFIG = Path(__file__).parent / "termo" / "config.json"


def config(target: list[str]) -> dict:
    """That file, with the server to be tried in the place of the one that needs a key."""
    told = json.loads(CONFIG.read_text(encoding="utf-8"))
    server = {"type": "http", "url": target[0]} if target[0].startswith("http") else {}
    told["mcp_servers"]["activecampaign"] = server or {"type": "stdio", "command": target[0], "args": target[1:]}
    return told


async def main(target: list[str], home: Path) -> None:
    os.environ |= {"AGENT_DATA_DIR": str(home), "HOME": str(home), "CLAUDE_CONFIG_DIR": str(home)}
    from termo_agent.adapters.claude_agents import Adapter

    (home / "config.json").write_text(json.dumps(config(target) | {"cwd": str(home)}), encoding="utf-8")
    launcher = Adapter()
    await launcher.initialize(str(home / "config.json"))
    client = await launcher._get_client("try")
    server = {"status": "pending"}
    for _ in range(60):
        (server,) = (await client.get_mcp_status())["mcpServers"]
        if server["status"] != "pending":
            break
        await asyncio.sleep(0.5)
    print("state", server["status"])
    print("tools", len(server.get("tools", ())))
    if os.environ.get("ANTHROPIC_API_KEY"):
        print("answer", await launcher.send_message("How many contacts have the tag VIP?", "try"))
    await launcher.shutdown()
    await client.disconnect()


with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
    asyncio.run(main(sys.argv[1:] or ["ac-mcp", "--sandbox"], Path(folder)))
