"""Rules of telling from ssh's words how far a connection had come."""

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.ssh_errors import (
    SshFailure,
    check_url,
    classify,
    explain_failure,
    summary,
)

CHANGED = """\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Offending ED25519 key in /home/feng/.ssh/known_hosts:1
Host key for epyc6 has changed and you have requested strict checking.
Host key verification failed."""
UNPROTECTED = """\
Load key "/home/feng/.ssh/id_ed25519": bad permissions
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @
feng@epyc6: Permission denied (publickey)."""
NO_FILE = "Warning: Identity file /k not accessible: No such file or directory.\n"
CHECK_MODE = """\
# Tailscale SSH requires an additional check.
# To authenticate, visit: https://login.tailscale.com/a/1a2b3c4d
Connection to epyc6 port 22 timed out"""

MESSAGES = [
    ("feng@epyc6: Permission denied (publickey).", SshFailure.AUTH),
    ("feng@epyc6: Permission denied, please try again.", SshFailure.AUTH),
    (
        (
            "Received disconnect from 10.0.0.6 port 22:2: Too many authentication failures\n"
            "Disconnected from 10.0.0.6 port 22"
        ),
        SshFailure.AUTH,
    ),
    (UNPROTECTED, SshFailure.AUTH),
    (f"{NO_FILE}feng@epyc6: Permission denied (publickey).", SshFailure.AUTH),
    (
        f"{NO_FILE}ssh: connect to host epyc6 port 22: Connection refused",
        SshFailure.UNREACHABLE,
    ),
    (CHANGED, SshFailure.HOST_KEY),
    (
        (
            "No ED25519 host key is known for epyc6 and you have requested strict checking.\n"
            "Host key verification failed."
        ),
        SshFailure.HOST_KEY,
    ),
    (
        "No ED25519 host key is known for epyc6 and you have requested strict checking.",
        SshFailure.HOST_KEY,
    ),
    ("Host key verification failed.", SshFailure.HOST_KEY),
    ("ssh: connect to host epyc6 port 22: Connection refused", SshFailure.UNREACHABLE),
    ("ssh: connect to host epyc6 port 22: No route to host", SshFailure.UNREACHABLE),
    ("ssh: connect to host epyc6 port 22: Network is unreachable", SshFailure.UNREACHABLE),
    ("ssh: connect to host epyc6 port 22: Connection reset by peer", SshFailure.UNREACHABLE),
    ("ssh: connect to host epyc6 port 22: Connection timed out", SshFailure.CONNECT_TIMEOUT),
    ("ssh: connect to host epyc6 port 22: Operation timed out", SshFailure.CONNECT_TIMEOUT),
    (
        "Connection timed out during banner exchange\nConnection to 10.0.0.6 port 22 timed out",
        SshFailure.CONNECT_TIMEOUT,
    ),
    ("kex_exchange_identification: Connection closed by remote host", SshFailure.UNREACHABLE),
    (
        (
            "kex_exchange_identification: Connection closed by remote host\n"
            "Connection closed by 10.0.0.6 port 22"
        ),
        SshFailure.UNREACHABLE,
    ),
    (
        (
            "kex_exchange_identification: read: Connection reset by peer\n"
            "Connection reset by 10.0.0.6 port 22"
        ),
        SshFailure.UNREACHABLE,
    ),
    ("Connection closed by 10.0.0.6 port 22", SshFailure.UNREACHABLE),
    ("kex_exchange_identification: Not allowed at this time", SshFailure.UNREACHABLE),
    (
        "ssh: Could not resolve hostname epyc6: Name or service not known",
        SshFailure.UNRESOLVABLE,
    ),
    (
        "ssh: Could not resolve hostname epyc6: Temporary failure in name resolution",
        SshFailure.UNRESOLVABLE,
    ),
    ("Connection to epyc6 closed by remote host.\nConnection to epyc6 closed.", SshFailure.LOST),
    ("client_loop: send disconnect: Broken pipe", SshFailure.LOST),
    ("Timeout, server epyc6 not responding.", SshFailure.LOST),
    ("mux_client_hello_exchange: write packet: Broken pipe", SshFailure.LOST),
    ("cat: /etc/shadow: Permission denied", SshFailure.LOST),
    ("", SshFailure.LOST),
    (
        "Unable to negotiate with 10.0.0.6 port 22: no matching key exchange method found.",
        SshFailure.AUTH,
    ),
    ("Invalid/incorrect username/password. Skipping remaining 5 retries", SshFailure.AUTH),
    (CHECK_MODE, SshFailure.CONNECT_TIMEOUT),
]


@pytest.mark.parametrize(
    "frame",
    [
        "{}",
        "Failed to connect to the host via ssh: {}",
        "Task failed: Failed to connect to the host via ssh: {}",
        (
            'Data could not be sent to remote host "epyc6". '
            "Make sure this host can be reached over ssh: {}"
        ),
    ],
)
@pytest.mark.parametrize(("message", "failure"), MESSAGES)
def test_a_message_says_how_far_the_connection_had_come(
    frame: str, message: str, failure: SshFailure
) -> None:
    assert classify(frame.format(message.replace("\n", "\r\n"))) is failure


@pytest.mark.parametrize("failure", list(SshFailure))
def test_there_is_a_message_for_every_failure(failure: SshFailure) -> None:
    assert failure in dict(MESSAGES).values()


VIA = "Failed to connect to the host via ssh: {}"
CLOSED = "Connection closed by 100.64.0.6 port 22"
BEHIND = "Connection closed by UNKNOWN port 65535"
CHANGED_KEY = "Host key verification failed."
REFUSED_LOGIN = "feng@jump: Permission denied (publickey)."

BANNERS = [
    ("tailscale: tailnet policy does not permit you to SSH to this node", SshFailure.AUTH),
    ('tailscale: tailnet policy does not permit you to SSH as user "root"', SshFailure.AUTH),
    ("tailscale: failed to evaluate tailnet policy", SshFailure.AUTH),
    ("tailscale: access denied", SshFailure.AUTH),
    ("visit: https://login.tailscale.com/a/1a2b3c4d", SshFailure.CONNECT_TIMEOUT),
]


@pytest.mark.parametrize(("banner", "failure"), BANNERS)
def test_a_banner_of_tailscale_s_says_why_ssh_could_not_log_in(
    banner: str, failure: SshFailure
) -> None:
    assert explain_failure(CLOSED, VIA.format(banner)) == (failure, banner)
    assert explain_failure("", VIA.format(banner))[0] is SshFailure.LOST


@pytest.mark.parametrize(("message", "failure"), MESSAGES)
def test_only_ssh_s_own_log_says_how_far_the_connection_had_come(
    message: str, failure: SshFailure
) -> None:
    assert explain_failure(message, VIA.format(CHANGED_KEY))[0] is failure
    assert explain_failure("", VIA.format(message))[0] is SshFailure.LOST


def test_what_the_vm_printed_is_shown_where_ssh_said_nothing_of_the_failure() -> None:
    log = "Warning: Permanently added '[127.0.0.6]:22' (ED25519) to the list of known hosts.\r\n"
    hint = f"the VM had printed: {CHANGED_KEY} (does a startup file of its shell exit?)"

    raced = "ControlSocket /home/feng/.ansible/cp/1234567890 already exists, disabling multiplexing"

    for own in ("", log, f"{raced}\r\n"):
        _, text = explain_failure(own, VIA.format(CHANGED_KEY))
        assert text == f"the connection ended without a message; {hint}"
        assert explain_failure(own, VIA.format("\n"))[1] == "the connection ended without a message"


def test_words_of_ansible_s_are_not_the_vm_s() -> None:
    error = "Data could not be sent to remote host 'epyc6'. Make sure this host can be reached"

    assert explain_failure("", error)[1] == "the connection ended without a message"


def test_where_a_proxy_makes_the_connection_its_last_words_count() -> None:
    banner_first = VIA.format(f"{CHANGED_KEY}\n{REFUSED_LOGIN}")

    assert explain_failure(BEHIND, VIA.format(CHANGED_KEY))[0] is SshFailure.HOST_KEY
    assert explain_failure(BEHIND, banner_first)[0] is SshFailure.AUTH
    assert explain_failure(BEHIND, VIA.format("nothing known"))[0] is SshFailure.UNREACHABLE


def test_another_connection_s_message_is_all_there_is() -> None:
    assert explain_failure(None, "Could not resolve hostname epyc6") == (
        SshFailure.UNRESOLVABLE,
        "Could not resolve hostname epyc6",
    )


def test_the_address_to_visit_is_found_in_a_check() -> None:
    assert check_url(f"text\r\n{CHECK_MODE}") == "https://login.tailscale.com/a/1a2b3c4d"
    assert check_url("ssh: connect to host epyc6 port 22: Connection refused") is None


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (
            "Task failed: Failed to connect to the host via ssh: one\r\ntwo\r\nthree\r\n",
            "two; three",
        ),
        ("reached over ssh: one", "one"),
        ("Data could not be sent; reached over ssh:", "the connection ended without a message"),
        ("one", "one"),
        (
            CHANGED,
            (
                "Host key for epyc6 has changed and you have requested strict checking.; "
                "Host key verification failed."
            ),
        ),
        ("Failed to connect to the host via ssh: ", "the connection ended without a message"),
        ("", "the connection ended without a message"),
    ],
)
def test_a_summary_is_ssh_s_last_words_in_one_line(message: str, line: str) -> None:
    assert summary(message) == line


def test_a_summary_is_never_longer_than_a_reader_has_patience_for() -> None:
    assert len(summary("x" * 10_000)) == 400
