"""Rules of what the environment decides."""

from __future__ import annotations

import locale
import os
import sys
import tempfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from dxansible import settings as module
from dxansible.errors import ContentError, InventoryError, UsageError
from dxansible.services import GitHubSettings, ServiceSettings
from dxansible.settings import (
    Settings,
    colour_wanted,
    content_dir,
    engine_wanted,
    events_path,
    inventory_sources,
    log_file,
    log_format,
    terminal_is_dumb,
)

ROOT = Path(module.__file__).parents[1]
GROUPS = ROOT / "playbooks" / "groups" / "zz-groups.yml"


def test_in_a_checkout_the_content_is_beside_the_package() -> None:
    assert content_dir("playbooks") == ROOT / "playbooks"
    assert content_dir("inventory") == ROOT / "inventory"


@pytest.mark.skipif(sys.platform != "linux", reason="engines exist only on Linux")
@pytest.mark.parametrize("name", ["CALLBACKS_ENABLED", "CALLBACK_PLUGINS", "LOG_PATH"])
def test_a_run_that_something_else_watches_has_no_engine(name: str) -> None:
    assert engine_wanted({})
    assert engine_wanted({f"ANSIBLE_{name}": ""})
    assert not engine_wanted({f"ANSIBLE_{name}": "x"})


@pytest.mark.skipif(sys.platform != "linux", reason="engines exist only on Linux")
@pytest.mark.parametrize("off", ["off", "0", "No"])
def test_a_run_whose_engine_is_switched_off_has_none(off: str) -> None:
    assert engine_wanted({"DX_ENGINE": "on"})
    assert not engine_wanted({"DX_ENGINE": off})


def test_an_installed_package_has_the_content_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site-packages" / "dxansible"
    packaged = package / "_content" / "playbooks"
    packaged.mkdir(parents=True)
    (tmp_path / "site-packages" / "playbooks").mkdir()  # somebody else's
    monkeypatch.setattr(module, "_PACKAGE", package)

    assert content_dir("playbooks") == packaged
    with pytest.raises(ContentError, match="our inventory are missing; install dxansible again"):
        content_dir("inventory")


def test_content_that_was_named_comes_first(tmp_path: Path) -> None:
    assert content_dir("playbooks", str(tmp_path)) == tmp_path


def test_content_that_was_named_and_is_not_there_is_an_error() -> None:
    with pytest.raises(ContentError, match=r"/no/such is not a directory; set DX_PLAYBOOKS"):
        content_dir("playbooks", "/no/such")


def test_an_inventory_that_was_named_comes_before_the_environment_s(home: Path) -> None:
    named, other = home / "named.yml", home / "other"
    named.touch()
    other.mkdir()

    assert inventory_sources(named, {"DX_INVENTORY": str(other)}) == (named, GROUPS)
    assert inventory_sources(None, {"DX_INVENTORY": str(other)}) == (other, GROUPS)
    assert inventory_sources("~/named.yml", {}) == (named, GROUPS)


def test_an_inventory_may_be_named_from_where_one_is(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "hosts.yml").touch()
    monkeypatch.chdir(home)

    assert inventory_sources("hosts.yml", {})[0] == home / "hosts.yml"


def test_the_user_s_own_inventory_comes_before_ours(home: Path) -> None:
    assert inventory_sources(None, {})[0] == ROOT / "inventory"

    own = home / ".config" / "dxansible" / "inventory"
    own.mkdir(parents=True)
    assert inventory_sources(None, {})[0] == own
    assert inventory_sources(None, {"XDG_CONFIG_HOME": "/no/such"})[0] == ROOT / "inventory"


def test_an_inventory_that_is_not_there_is_an_error() -> None:
    with pytest.raises(InventoryError, match="there is no inventory at /no/such; give a file"):
        inventory_sources("/no/such", {})


def test_an_inventory_that_cannot_be_read_is_an_error(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "hosts.yml").touch()
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)  # root can read everything

    with pytest.raises(InventoryError, match=r"hosts.yml can't be read; check its owner"):
        inventory_sources(home / "hosts.yml", {})


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("{home}", "{home}"),
        (None, "{temporary}"),
        ("", "{temporary}"),
        ("/no/such", "{temporary}"),
        ("/tmp/" + "x" * 40, "{temporary}"),
    ],
)
def test_private_directories_are_where_sockets_have_short_names(
    home: Path, monkeypatch: pytest.MonkeyPatch, wanted: str | None, found: str
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/var/tmp")
    environ = {} if wanted is None else {"XDG_RUNTIME_DIR": wanted.format(home=home)}

    loaded = Settings.load(environ=environ)

    assert str(loaded.runtime_dir) == found.format(home=home, temporary="/var/tmp")


@pytest.mark.usefixtures("home")
def test_a_temporary_directory_with_a_long_name_is_not_for_sockets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/var/" + "x" * 40)

    assert Settings.load(environ={}).runtime_dir == Path("/tmp")


@pytest.mark.usefixtures("home")
def test_ansible_is_the_one_beside_this_python() -> None:
    environment = Settings.load(environ={"PATH": "/some/bin"}).environment

    assert environment["PATH"] == f"{Path(sys.executable).parent}:/some/bin"
    assert Settings.load(environ={}).environment["PATH"].endswith(os.defpath)


@pytest.mark.usefixtures("home")
def test_ansible_checks_host_keys_unless_the_user_says_otherwise() -> None:
    assert Settings.load(environ={}).environment["ANSIBLE_HOST_KEY_CHECKING"] == "True"
    told = Settings.load(environ={"ANSIBLE_HOST_KEY_CHECKING": "False"})
    assert told.environment["ANSIBLE_HOST_KEY_CHECKING"] == "False"


def test_ansible_gets_a_home_of_its_own_only_where_there_is_none(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "ANSIBLE_HOME" not in Settings.load(environ={}).environment

    monkeypatch.setenv("HOME", "/no/such")
    loaded = Settings.load(environ={"XDG_RUNTIME_DIR": str(home)})
    assert loaded.environment["ANSIBLE_HOME"] == f"{home}/dx-ansible-{os.getuid()}"


def test_a_home_that_others_can_enter_or_that_is_none_is_not_for_keys(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/no/such")
    spare = home / f"dx-ansible-{os.getuid()}"

    spare.mkdir(mode=0o755)
    with pytest.raises(UsageError, match="is open to other users; remove it, or set HOME"):
        Settings.load(environ={"XDG_RUNTIME_DIR": str(home)})

    spare.rmdir()
    spare.touch()
    with pytest.raises(UsageError, match=r"can be written to: File exists; set HOME or TMPDIR"):
        Settings.load(environ={"XDG_RUNTIME_DIR": str(home)})


def test_the_environment_of_this_process_is_the_usual_one(
    inventory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Settings.load().inventory[0] == inventory

    monkeypatch.setenv("DX_PLAYBOOKS", str(inventory.parent))
    assert Settings.load().playbooks == inventory.parent


def test_log_lines_have_a_format_where_somebody_asks_for_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert log_format({"DX_LOG_FORMAT": "json"}) == "json"
    assert log_format({"DX_LOG_FORMAT": "text"}) == "logfmt"
    assert log_format({"DX_LOG_FORMAT": " "}) is None
    assert log_format({}) is None

    monkeypatch.setenv("DX_LOG_FORMAT", "json")
    assert log_format() == "json"


def test_the_log_is_in_the_state_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/feng")

    assert log_file({}) == Path("/home/feng/.local/state/dxansible/log/dx-dispatch.log")
    assert log_file({"XDG_STATE_HOME": "/s"}) == Path("/s/dxansible/log/dx-dispatch.log")


def test_events_go_to_the_file_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    assert events_path({"DX_EVENTS": "/var/log/dx.jsonl"}) == Path("/var/log/dx.jsonl")
    assert events_path({"DX_EVENTS": "~/dx.jsonl"}) == Path.home() / "dx.jsonl"
    assert events_path({"DX_EVENTS": ""}) is None

    monkeypatch.delenv("DX_EVENTS", raising=False)
    assert events_path() is None


def test_a_wish_for_no_colour_is_heard() -> None:
    assert colour_wanted({"TERM": "xterm", "NO_COLOR": "1"}) is False
    assert colour_wanted({"TERM": "xterm", "NO_COLOR": ""}) is None
    assert colour_wanted({"TERM": "xterm"}) is None


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"TERM": ""}, {}])
def test_a_terminal_that_says_nothing_of_itself_gets_no_colours(
    environment: dict[str, str],
) -> None:
    assert terminal_is_dumb(environment)
    assert colour_wanted(environment) is False


@pytest.mark.parametrize(
    ("given", "url"),
    [
        (None, "https://jules.googleapis.com"),
        ("https://jules.example/", "https://jules.example"),
        ("https://jules.example/v1alpha", "https://jules.example"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_the_address_of_jules(given: str | None, url: str) -> None:
    found = ServiceSettings.load({} if given is None else {"DX_JULES_URL": given})

    assert (found.jules_url, found.jules_key, found.beads_dir) == (url, None, None)


@pytest.mark.parametrize(
    "url", ["http://jules.example", "ftp://x", "jules.example", "https://", "https://a:b@c"]
)
def test_a_key_never_travels_in_the_clear(url: str) -> None:
    with pytest.raises(UsageError, match="DX_JULES_URL is not an https address"):
        ServiceSettings.load({"DX_JULES_URL": url})


def test_the_key_is_not_shown() -> None:
    found = ServiceSettings.load({"JULES_API_KEY": " secret\n", "BEADS_DIR": "/b", "USER": "ann"})

    assert (found.jules_key, found.beads_dir) == ("secret", Path("/b"))
    assert found.actors == {"ann"}
    assert "secret" not in repr(found)


# GitHub


@pytest.mark.parametrize(
    ("given", "token", "api"),
    [
        ({}, None, None),
        ({"GITHUB_TOKEN": " a\n", "GH_TOKEN": "b"}, "a", None),
        ({"GITHUB_TOKEN": "", "GH_TOKEN": "b", "GITHUB_API_URL": ""}, "b", None),
        (
            {"GITHUB_API_URL": "https://ghe.example.org/api/v3/"},
            None,
            "https://ghe.example.org/api/v3",
        ),
        ({"GITHUB_API_URL": "http://127.0.0.1:8080"}, None, "http://127.0.0.1:8080"),
    ],
)
def test_who_we_are_at_github(given: dict[str, str], token: str | None, api: str | None) -> None:
    found = GitHubSettings.load(given)

    assert (found.token, found.api) == (token, api)
    assert "token" not in repr(found)


@pytest.mark.parametrize(
    "url", ["http://ghe.example.org", "ghe.example.org", "https://a:b@ghe.example.org", "https://["]
)
def test_no_token_travels_in_the_clear(url: str) -> None:
    with pytest.raises(UsageError, match="GITHUB_API_URL is not an https address"):
        GitHubSettings.load({"GITHUB_API_URL": url})


@pytest.mark.parametrize("via", ["", " "])
def test_an_execution_node_without_a_name_is_refused(via: str) -> None:
    with pytest.raises(UsageError, match="the name of the execution node is empty"):
        Settings.load(environ={"DX_RECEPTOR_SOCKET": "/nowhere"}, via=via)


@pytest.mark.parametrize("source", ["/dev/stdin", "/dev/null", "/dev/fd/0", "fifo"])
def test_an_inventory_that_can_be_read_only_here_and_once_is_refused(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("fifo")
    with pytest.raises(InventoryError, match="neither a file nor a directory; write it to a file"):
        inventory_sources(source, {})


def test_an_inventory_in_memory_is_one() -> None:
    with TemporaryDirectory(dir="/dev/shm") as place:
        assert inventory_sources(place, {})[0] == Path(place)


@pytest.mark.parametrize(
    ("variable", "text"),
    [("LC_ALL", "C"), ("LC_CTYPE", "UTF-8"), ("LANG", "de_DE.ISO-8859-1"), ("LC_ALL", "xx.UTF-8")],
)
def test_a_locale_that_ansible_refuses_is_replaced(
    variable: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [*os.environ]:
        if name == "LANG" or name.startswith("LC_"):
            monkeypatch.delenv(name)
    assert "LC_ALL" not in Settings.load().environment
    monkeypatch.setenv(variable, "C.UTF-8")
    assert "LC_ALL" not in Settings.load().environment
    before = locale.setlocale(locale.LC_ALL)
    monkeypatch.setenv(variable, text)
    assert Settings.load().environment["LC_ALL"] in {"C.UTF-8", "en_US.UTF-8"}
    assert locale.setlocale(locale.LC_ALL) == before
