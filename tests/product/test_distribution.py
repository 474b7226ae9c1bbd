"""What a registry, a bundle, a plugin and an agent launcher are told of this package is true and of one version."""

import json
import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ac_mcp import __version__
from ac_mcp.cli.doctor import find_served_address, is_healthy
from ac_mcp.operations import OPERATIONS
from ac_mcp.server.skills import frontmatter
from ac_mcp.settings import OVER_HTTP, Settings

ROOT = Path(__file__).parents[2]
SKILL = (ROOT / "ac_mcp/skills/activecampaign/SKILL.md").read_text(encoding="utf-8")


def told(name: str) -> Any:
    return json.loads((ROOT / name).read_text(encoding="utf-8"))


def errors(server: Any) -> list[str]:
    schema = json.loads((ROOT / "tests/schemas/server.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    validator: Any = jsonschema.Draft7Validator(schema)
    return [error.message for error in validator.iter_errors(server)]


def test_the_registry_s_entry_is_valid_and_names_every_setting() -> None:
    server = told("server.json")
    assert errors(server) == []
    (package,) = server["packages"]
    assert package["identifier"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["name"]
    named = {one["name"] for one in package["environmentVariables"]}
    assert named == {one.metadata["variable"] for one in fields(Settings)} - set(OVER_HTTP)
    secret = {one["name"] for one in package["environmentVariables"] if one.get("isSecret")}
    assert secret == {"MATON_API_KEY", "AC_API_TOKEN", "AC_MCP_REDIS_URL", "HTTPS_PROXY"}
    assert f"<!-- mcp-name: {server['name']} -->" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert f'server.name="{server["name"]}"' in (ROOT / "Dockerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "change",
    [
        {"name": "no-slash"},
        {"description": "x" * 101},
        {"version": None},
        {"packages": [{"registryType": "pypi"}]},
        {"packages": [{"registryType": "pypi", "identifier": "a", "transport": {"type": "carrier pigeon"}}]},
    ],
)
def test_the_schema_refuses_what_the_registry_does(change: Any) -> None:
    assert errors(told("server.json") | change)


def test_all_say_the_same_version() -> None:
    versions = {
        told("server.json")["version"],
        told("server.json")["packages"][0]["version"],
        told("manifest.json")["version"],
        told(".claude-plugin/plugin.json")["version"],
        frontmatter(SKILL)["version"],
    }
    assert versions == {__version__}


def test_the_manifest_gives_every_optional_value_a_default() -> None:
    manifest = told("manifest.json")
    used = set(re.findall(r"\$\{user_config\.(\w+)\}", json.dumps(manifest["server"])))
    assert used == set(manifest["user_config"])
    assert all("default" in one or one.get("required") for one in manifest["user_config"].values())
    assert all(one.get("sensitive") for name, one in manifest["user_config"].items() if name.endswith(("key", "token")))
    png = (ROOT / manifest["icon"]).read_bytes()
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")) == (512, 512)


def test_the_plugin_s_files_and_variables_are_there() -> None:
    plugin, config = told(".claude-plugin/plugin.json"), told(".claude-plugin/mcp.json")
    assert (ROOT / plugin["skills"] / "activecampaign" / "SKILL.md").is_file()
    assert (ROOT / plugin["mcpServers"]).is_file()
    used = set(re.findall(r"\$\{user_config\.(\w+)\}", json.dumps(config)))
    assert used == set(plugin["userConfig"])
    known = {one.metadata["variable"] for one in fields(Settings)}
    for file in (config, told(".mcp.json")):
        assert set(file["mcpServers"]["activecampaign"]["env"]) <= known


def test_the_skill_is_one_a_launcher_takes() -> None:
    head = frontmatter(SKILL)
    assert re.fullmatch(r"[a-z0-9-]{1,64}", head["name"])
    assert 1 <= len(head["description"]) <= 1024
    known = {one.metadata["variable"] for one in fields(Settings)}
    openclaw = head["metadata"]["openclaw"]
    assert {one["name"] for one in openclaw["envVars"]} <= known
    assert openclaw["primaryEnv"] in {one["name"] for one in openclaw["envVars"]}


def test_every_tool_the_skill_names_is_there() -> None:
    assert set(re.findall(r"ac-mcp call (?:--\w+ )*([a-z]+_\w+)", SKILL)) <= set(OPERATIONS)
    assert set(re.findall(r"`([a-z]+_[a-z_]+)`", SKILL)) <= set(OPERATIONS)


@pytest.mark.parametrize(
    ("words", "address"),
    [
        (["python", "-m", "ac_mcp"], ""),
        (["ac-mcp", "--http", "0.0.0.0:8765"], "0.0.0.0:8765"),
        (["ac-mcp", "--http=[::]:8765", "--sandbox"], "[::]:8765"),
        (["ac-mcp", "--http"], ""),
    ],
)
def test_the_first_process_of_a_container_says_where_it_serves(words: list[str], address: str, tmp_path: Path) -> None:
    (tmp_path / "cmdline").write_bytes("\0".join([*words, ""]).encode())
    assert find_served_address(tmp_path / "cmdline") == address
    assert find_served_address(tmp_path / "none") == ""


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.0.0.1:x", "no-such-host.invalid:80", ""])
def test_where_nothing_answers_it_is_not_healthy(address: str) -> None:
    assert not is_healthy(address)


def test_the_compose_file_passes_on_what_protects() -> None:
    """Compose hands a container only what it lists: a safeguard that is set outside must not get lost."""
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    listed = set(re.findall(r"^    ([A-Z_]+): ", text, re.M))
    left_out = {
        "MATON_GATEWAY_URL", "MATON_CONTROL_URL", "AC_MCP_READ_TIMEOUT", "AC_MCP_WRITE_TIMEOUT", "AC_MCP_ANSWER_TOKENS",
        "AC_MCP_SETTLE_SECONDS", "AC_MCP_STRICT_PACING", "AC_MCP_FOLDERS",
    }  # fmt: skip
    assert listed | left_out == {one.metadata["variable"] for one in fields(Settings)}
