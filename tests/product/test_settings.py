"""Settings come from a mapping; what cannot be used is named."""

import pytest

from ac_mcp.settings import BadSetting, Settings


def test_without_anything_the_two_hosts_of_maton_are_used() -> None:
    settings = Settings.from_env({})
    assert (settings.api_url, settings.connections_url) == ("https://gateway.maton.ai", "https://ctrl.maton.ai")


def test_one_base_url_sets_both() -> None:
    settings = Settings.from_env({"MATON_API_BASE_URL": "https://api.maton.ai/"})
    assert (settings.api_url, settings.connections_url) == ("https://api.maton.ai", "https://api.maton.ai")


@pytest.mark.parametrize(
    "url", ["https://acme.api-us1.com", "https://acme.api-us1.com/", "https://acme.api-us1.com/api/3"]
)
def test_without_maton_the_api_url_is_taken_in_any_spelling(url: str) -> None:
    settings = Settings.from_env({"AC_API_URL": url, "AC_API_TOKEN": "t"})
    assert (settings.direct, settings.api_url, settings.credential) == (True, "https://acme.api-us1.com", "t")


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"AC_API_URL": "https://a.example"}, "AC_API_TOKEN"),
        ({"MATON_API_BASE_URL": "http://api.maton.ai"}, "MATON_API_BASE_URL"),
        ({"MATON_GATEWAY_URL": "gateway"}, "MATON_GATEWAY_URL"),
        ({"AC_MCP_SANDBOX": "maybe"}, "AC_MCP_SANDBOX"),
        ({"AC_MCP_READ_TIMEOUT": "soon"}, "AC_MCP_READ_TIMEOUT"),
        ({"AC_MCP_ANSWER_TOKENS": "0"}, "AC_MCP_ANSWER_TOKENS"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(environ: dict[str, str], named: str) -> None:
    with pytest.raises(BadSetting, match=named):
        Settings.from_env(environ)


def test_an_unset_value_of_a_bundle_counts_as_none() -> None:
    assert Settings.from_env({"MATON_API_KEY": "${user_config.maton_api_key}"}).key == ""


def test_this_machine_may_be_reached_without_https() -> None:
    assert Settings.from_env({"MATON_API_BASE_URL": "http://127.0.0.1:8080"}).api_url == "http://127.0.0.1:8080"


def test_keys_do_not_show() -> None:
    assert "secret" not in repr(Settings.from_env({"MATON_API_KEY": "secret", "AC_API_TOKEN": "secret"}))


def test_a_state_folder_is_the_same_from_wherever_a_server_starts() -> None:
    with pytest.raises(BadSetting, match="absolute path"):
        Settings.from_env({"AC_MCP_STATE_DIR": "state"})
    assert Settings.from_env({"AC_MCP_STATE_DIR": "memory"}).state_dir == "memory"
    assert Settings.from_env({"AC_MCP_STATE_DIR": "~/ac-mcp"}).state_dir == "~/ac-mcp"
