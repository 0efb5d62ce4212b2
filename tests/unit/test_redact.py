"""Secret shapes are put together at run time, so that secret scanners have nothing to find here."""

import time

import pytest

from dxansible import redact as module
from dxansible.redact import hold, printable, redact, safe, summarize

RANDOM = "a1B2c3D4e5F6g7H8i9J0"
BEGIN = "-----BEGIN OPENSSH PRIVATE" + " KEY-----"
END = "-----END OPENSSH PRIVATE" + " KEY-----"


@pytest.fixture(autouse=True)
def nothing_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_HELD", set())


def test_public_names_are_listed() -> None:
    assert module.__all__ == ["hold", "printable", "redact", "safe", "summarize"]


@pytest.mark.parametrize(
    "token",
    [
        *(f"xox{kind}-123456-{RANDOM}" for kind in "abeprs"),
        f"xoxe.xoxp-1-{RANDOM}",
        f"xapp-1-{RANDOM}",
        *(f"gh{kind}_{RANDOM}" for kind in "oprsu"),
        f"github_pat_{RANDOM}_{RANDOM}",
        f"glpat-{RANDOM}",
        f"sk-{RANDOM}",
        f"sk-proj-{RANDOM}",
        f"sk-ant-api03-{RANDOM}",
        f"sk_live_{RANDOM}",
        "AKIA" + "ABCD1234" * 2,
        "ASIA" + "ABCD1234" * 2,
        "AIza" + RANDOM * 2,
        f"ya29.{RANDOM}",
        f"eyJ{RANDOM}.eyJ{RANDOM}.{RANDOM}_-",
        f"AQ.{RANDOM}",
        f"1//0{RANDOM}-x",
        f"tskey-auth-k{RANDOM[:10]}-{RANDOM}",
        f"hf_{RANDOM}",
        f"npm_{RANDOM}",
        f"pypi-AgEIcHlwaS5vcmc{RANDOM}",
        f"dckr_pat_{RANDOM}",
        f"SG.{RANDOM}.{RANDOM}_-{RANDOM}",
        f"gsk_{RANDOM}",
        f"xai-{RANDOM}",
        f"dop_v1_{RANDOM.lower()}",
        f"ATATT3xFf{RANDOM}=4A2B",
        f"lin_api_{RANDOM}",
        f"AGE-SECRET-KEY-1{RANDOM.upper()}",
        f"whsec_{RANDOM}/+==",
        f"{BEGIN}\n{RANDOM}\n{RANDOM}\n{END}",
        rf"{BEGIN}\n{RANDOM}\n{END}",
    ],
)
def test_token_is_masked_wherever_it_stands(token: str) -> None:
    assert redact(f"use {token} now") == "use *** now"
    assert redact(f"({token})") == "(***)"


@pytest.mark.parametrize("line_end", ["\n", r"\n"])
def test_private_key_without_its_end_is_masked_to_the_end_of_the_text(line_end: str) -> None:
    assert redact(f"key: {BEGIN}{line_end}{RANDOM}{line_end}{RANDOM[:7]}") == "key: ***"


@pytest.mark.parametrize(
    "webhook",
    [
        "https://hooks.slack.com/services/",
        "https://hooks.slack.com/workflows/",
        "https://hooks.slack.com/triggers/",
        "https://hooks.slack-gov.com/services/",
        "https://discord.com/api/webhooks/",
        "https://discordapp.com/api/v10/webhooks/",
    ],
)
def test_a_webhook_keeps_its_host(webhook: str) -> None:
    assert redact(f'post to "{webhook}T0/B0/{RANDOM}"') == f'post to "{webhook}***"'


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("https://jane:hunter2@host/x", "https://jane:***@host/x"),
        ("https://jane:p@ss#1@host/x", "https://jane:***@host/x"),
        ("postgres://:hunter2@db:5432/x", "postgres://:***@db:5432/x"),
    ],
)
def test_password_in_a_url_leaves_user_and_host(text: str, masked: str) -> None:
    assert redact(text) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Authorization: Bearer abc\nAccept: x", "Authorization: Bearer ***\nAccept: x"),
        ("sent Authorization: Bearer abc to host", "sent Authorization: Bearer *** to host"),
        ("authorization: abc def", "authorization: ***"),
        ("the `Authorization: abc` header", "the `Authorization: ***` header"),
        ("Proxy-Authorization: Basic YTpi", "Proxy-Authorization: Basic ***"),
        ('Authorization: Digest username="j", response="a"', "Authorization: ***"),
        ("curl -H 'Authorization: token abc' url", "curl -H 'Authorization: token ***' url"),
        ('{"Authorization": "Bearer abc", "a": 1}', '{"Authorization": "Bearer ***", "a": 1}'),
        (r"{\"Authorization\": \"abc\", \"a\": 1}", r"{\"Authorization\": \"***\", \"a\": 1}"),
        (f"sent bearer {RANDOM}, got 401", "sent bearer ***, got 401"),
    ],
)
def test_authorization_is_masked_and_keeps_its_scheme(text: str, masked: str) -> None:
    assert redact(text) == masked


SECRET_NAMES = (
    *("password", "PASSWORD", "passwd", "pwd", "secret", "token", "api_key", "apikey", "auth"),
    *("access_key", "private_key", "credential", "credentials", "passphrase", "oauth"),
    *("MY_TOKEN", "PGPASSWORD", "MYSQL_PWD", "DB_PASSWORD_2", "TOKEN_PROD", "SECRET_KEY_BASE"),
    *("aws_secret_access_key", "X-Api-Key", "x-auth-key", "spring.datasource.password"),
    *("accessToken", "clientSecret", "APIKey", "_authToken", "ansible_become_pass"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ("{}=", "hunter2", " make test"),
        ("{} = ", "hunter2", "\nnext"),
        ("{}: ", "hunter2", "\nnext: 1"),
        ("{}:", "hunter2", ", next: 1"),
        (":{} => ", "hunter2", ""),
        ("?a=1&{}=", "a,b", "&c=2"),
        ("headers['{}']=", "hunter2", ")"),
        ("--{} ", "hunter2", " --verbose"),
        ("--{}=", "-hunter2", " --verbose"),
        ("-{} ", "hunter2", ""),
    ],
)
def test_value_of_a_secret_name_is_masked(before: str, value: str, after: str) -> None:
    starts = [before.format(name) for name in SECRET_NAMES]

    masked = [redact(f"{start}{value}{after}") for start in starts]

    assert masked == [f"{start}***{after}" for start in starts]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ('TOKEN="a b" make', 'TOKEN="***" make'),
        ("TOKEN='a b' make", "TOKEN='***' make"),
        (r'TOKEN="a \" b" make', 'TOKEN="***" make'),
        ('TOKEN="a\nb" make', 'TOKEN="***" make'),
        (r"TOKEN='it'\''s a' make", "TOKEN='***' make"),
        ("TOKEN='it'\"'\"'s a' make", "TOKEN='***' make"),
        ("token: `a b` is wrong", "token: `***` is wrong"),
        ("password=b'a b')", "password=***)"),
        ('{"token": "a b", "n": 1}', '{"token": "***", "n": 1}'),
        ('{"token":12345,"n":1}', '{"token":***,"n":1}'),
        (r'"{\"token\": \"a b\", \"n\": 1}"', r'"{\"token\": \"***\", \"n\": 1}"'),
        ('TOKEN="a b and the rest is cut\nnext', 'TOKEN="***"\nnext'),
        ("PASSWORD=pa'ss make", "PASSWORD=*** make"),
        ("TOKEN=$(pass show (a) b) make", "TOKEN=*** make"),
        ('TOKEN=a,PASSWORD="b c" make', 'TOKEN=***"***" make'),
        ('bash -c "TOKEN=abc" && echo "x"', 'bash -c "TOKEN=***" && echo "x"'),
        ("Server=x;Uid=a;Pwd=b;", "Server=x;Uid=a;Pwd=***;"),
        ("sed s/PASSWORD=.*/PASSWORD=x/", "sed s/PASSWORD=***"),
    ],
)
def test_value_is_masked_whole_and_keeps_its_quotes(text: str, masked: str) -> None:
    assert redact(text) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("curl -u jane:pw url", "curl -u jane:*** url"),
        ("curl -fsSu 'jane:p w' url", "curl -fsSu 'jane:***' url"),
        ('curl --user="jane:p\'w" url', 'curl --user="jane:***" url'),
        ("curl 'url?a&b' \\\n  -u jane:pw", "curl 'url?a&b' \\\n  -u jane:***"),
        ("curl -u a:b x && curl -U c:d y", "curl -u a:*** x && curl -U c:*** y"),
        ("sshpass -p pw ssh -p 22 host", "sshpass -p *** ssh -p 22 host"),
        ("sshpass -v -p'p w' ssh -p 22 host", "sshpass -v -p*** ssh -p 22 host"),
        ("mysqldump -pA db | mysql -p'B C' db", "mysqldump -p*** db | mysql -p*** db"),
        ("/usr/bin/mysql -u root -pA -P 3306", "/usr/bin/mysql -u root -p*** -P 3306"),
        (
            "docker login -u a -p b; docker run -p 80:80",
            "docker login -u a -p ***; docker run -p 80:80",
        ),
        ("redis-cli -a pw ping", "redis-cli -a *** ping"),
        (
            f"aws configure set aws_secret_access_key {RANDOM}",
            "aws configure set aws_secret_access_key ***",
        ),
    ],
)
def test_option_that_is_a_password_to_its_own_command_is_masked(text: str, masked: str) -> None:
    assert redact(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "",
        "make test",
        "mkdir -p dir",
        'git commit -m "fix token parser"',
        "git log --author=jane",
        "ssh -p 22 -o PasswordAuthentication=no host",
        "docker run -u 1000:1000 -p 80:80 image",
        "mysql -p db",
        "curl --user-agent=a:b -u jane http://host:8080/x@y",
        "curl 'http://host:80?mail=a@b'",
        "git clone ssh://git@host/x",
        "psql --no-password db",
        "login --password-file path --token-type=jwt --password-stdin",
        "login --token --verbose",
        "login --token <token>",
        "token_count=5 max_tokens: 9 passwordless=yes tokenizer=bpe author=jane",
        "auth_mode=tailscale secret_name: x tokenTtl=3 monkey=1 secretary=ann",
        'TOKEN= \nPASSWORD="" token: null, password=None, auth=false',
        '{"auth": {"type": "none"}, "secrets": [], "tokens": {"input": 3}}',
        '[ -z "$TOKEN" ]',
        "PWD=/home/feng",
        "cat: /etc/passwd: Permission denied",
        "Token::new(auth://x)",
        "bearer of news, bearer authentication",
        "task-1234567890abcdef risk-averse sk-learn-contrib-package",
        "Enter password:",
    ],
)
def test_text_without_secrets_is_unchanged(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {RANDOM}",
        "https://jane:pw@host",
        "TOKEN='a b' PASSWORD=\"cut",
        "mysql -pA; sshpass -p pw ssh; curl -u a:b",
        f"{BEGIN}\n{RANDOM}",
    ],
)
def test_redacting_twice_changes_nothing(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "a",
            "a=",
            "token_count=",
            "token=(",
            r"token=\"",
            "token='\\''",
            '"',
            "'",
            "\\",
            "- ",
            " ",
        ),
        *("curl -u=", "curl '", "mysql -p", "sshpass -v ", "http://a:", "a@", "authorization: "),
        *("eyJ-", "eyJa.", "sk-", "xapp-", "SG.", "SG.a-", "tskey-", "1//0", "ATATT3=", "whsec_"),
        *("pypi-", "bearer auth", "-----BEGIN ", f"{BEGIN}\n-----END "),
    ],
)
def test_much_nasty_repetition_is_no_more_work_than_any_text(unit: str) -> None:
    began = time.process_time()
    assert redact(unit * (250_000 // len(unit)))
    # seconds of CPU time: less than one, and minutes where work grows with the square of the length
    assert time.process_time() - began < 15


def test_summary_of_a_short_command_is_the_command() -> None:
    assert summarize("make test") == "make test"


def test_summary_is_one_printable_line() -> None:
    assert summarize("a\n\tb\x1b[2J\r\x85\u2028\u202e\udcff") == (
        r"a\n\tb\x1b[2J\r\x85\u2028\u202e\udcff"
    )


def test_summary_is_cut_to_its_limit() -> None:
    assert summarize("x" * 120) == "x" * 120
    assert summarize("x" * 121) == "x" * 119 + "…"
    assert summarize("make test", limit=5) == "make…"


def test_summary_is_redacted_before_it_is_cut() -> None:
    assert summarize(f"make {BEGIN}\n{RANDOM}\n{END}", limit=20) == "make ***"
    assert summarize("https://jane:hunter2@host", limit=20) == "https://jane:***@ho…"


def test_what_a_process_holds_is_masked_whatever_it_looks_like() -> None:
    hold({"JULES_API_KEY": "correct horse", "GITHUB_TOKEN": "correct horse battery"})
    hold({"BEADS_DOLT_PASSWORD": " staple-staple\n", "X_TOKEN": "short", "PWD": "/home/ann/x"})
    hold({"SLACK_WEBHOOK_URL": "http://localhost/T0/B0"})

    assert redact("correct horse battery, correct horse, staple-staple") == "***, ***, ***"
    assert redact("to http://localhost/T0/B0 from /home/ann/x") == "to *** from /home/ann/x"
    assert redact("short") == "short"


def test_no_terminal_obeys_a_safe_text() -> None:
    assert safe("a\tb\r\nc\n") == "a\tb\nc\n"
    assert safe("\x1b]52;c;eA==\x07\x9d0;t\x9c\r\x08\u202e\u2066\u200f\u061c\udcff") == (
        r"\x1b]52;c;eA==\x07\x9d0;t\x9c\r\x08\u202e\u2066\u200f\u061c\udcff"
    )


def test_printable_leaves_letters_of_every_script() -> None:
    assert printable("héllo 世界 🚀") == "héllo 世界 🚀"
