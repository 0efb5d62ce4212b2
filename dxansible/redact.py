"""Masks secrets in text before it is logged, shown or posted.

A wrongly masked word costs a reader a second; a leaked credential costs far more. If the two cannot
be told apart, the text is masked. Text that only mentions secrets stays as it is: `token_count=5`,
`--password-file path`, "fix token parser".

Time is linear in the length of any text. For that, every pattern keeps to three rules: no match can
begin inside a run that an earlier attempt has scanned to its end, neighbouring repetitions share no
character, and a look-ahead is bounded.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["hold", "printable", "redact", "safe", "summarize"]

_MASK = "***"


# Patterns are texts that begin with their flags: `re` compiles each at its first use and keeps it.
# Start-up is part of every call.

# Tokens, phrases and command options: group 1 stays, and the rest of the match is the secret.

_TOKENS = r"""(?xsa)
    () (?:
      -----BEGIN[ ][A-Z0-9 ]*PRIVATE[ ]KEY(?:[ ]BLOCK)?-----
      .*? (?: -----END[ ][A-Z0-9 ]*PRIVATE[ ]KEY(?:[ ]BLOCK)?----- | \Z )
    | (?<![A-Za-z0-9]) (?:
          xox[a-z](?:\.xox[a-z])?-[\w-]{4,}
        | xapp-(?=[A-Za-z-]{0,40}[0-9])[\w-]{8,}
        | gh[oprsu]_\w{10,}(?:\.[\w-]+)*
        | github_pat_\w{10,}
        | gl(?:pat|ptt|rt|dt|cbt|oas)-[\w.-]{10,}
        | tskey-(?=[A-Za-z-]{0,40}[0-9])[\w-]{8,}
        | hf_[A-Za-z0-9]{16,}
        | npm_[A-Za-z0-9]{16,}
        | pypi-(?=[a-z_-]{0,40}[A-Z0-9])[\w-]{16,}
        | dckr_[po]at_[\w-]{10,}
        | SG\.[\w-]{10,}\.[\w-]{10,}
        | gsk_\w{16,}
        | xai-(?=[a-z_-]{0,40}[A-Z0-9])[\w-]{16,}
        | do[opr]_v1_\w{16,}
        | ATATT3[\w=-]{10,}
        | lin_(?:api|oauth)_\w{10,}
        | AGE-SECRET-KEY-[\w-]{10,}
        | whsec_[\w+/=-]{10,}
        | sk-(?=[a-z_-]{0,40}[A-Z0-9])[\w-]{12,}
        | [rs]k_(?:live|test)_\w{10,}
        | A[KS]IA[A-Z0-9]{16}(?![A-Za-z0-9])
        | AIza[\w-]{20,}
        | AQ\.[\w-]{20,}
        | ya29\.[\w-]{20,}
        | 1//0[\w-]{20,}
      )
    | (?<![\w-]) eyJ[\w-]{10,}(?:\.[\w-]*){1,4}
    )
    """

# A value as shells, JSON, YAML, Python and URLs write it. A quote that is never closed was cut off
# with the end of its line. Nothing, null and false are no secrets; a list or a mapping is no value.
_VALUE = r"""(?!(?P<empty>\\*["'`])(?P=empty))(?:
      [bfru$]{0,2} (?:
          "[^"\\]*(?:\\.[^"\\]*)*"
        | '[^'\\]*(?:(?:\\.|'\\''|'"'"')[^'\\]*)*'
        | `[^`\n]*`
      )
    | (?P<escaped>\\+["'])[^\n]*?(?P=escaped)
    | \\*["'`][^\n]*
    | \$\([^()]*(?:\([^()]*\)[^()]*)*\)
    | (?![\[{]|(?i:null|none|true|false)(?:[\s"'`;&|<>,)\]}]|\Z))
      (?:[^\s"'`;&|<>]|(?<=\w)["'](?=\w))*[^\s"'`;&|<>,)\]}\\]
    )"""

_AUTHORIZATION = r"""authorization\\*["']?\]?[ \t]*(?:=>|[:=])[ \t]*+\\*+["']?+"""
_SCHEME = r"(?:basic|bearer|negotiate|token)"

_PHRASES = (
    # the path of a webhook is its password
    r"""(\bhooks\.slack(?:-gov)?\.com/(?:services|triggers|workflows)/)[^\s"'`<>|)\\]+""",
    r"""(\bdiscord(?:app)?\.com/api/(?:v\d{1,3}/)?webhooks/)[^\s"'`<>|)\\]+""",
    # https://user:password@host; digits before ? or # are a port
    r"""((?<=://)[^\s/:@"'<>]*:)(?!\d{1,5}[?#])[^\s/"'<>]+(?=@)""",
    # one word after a scheme that has one word, otherwise the whole header
    rf"""(?i)({_AUTHORIZATION}{_SCHEME}[ \t]+)[^\s"'`\\]+""",
    rf"""(?xi)({_AUTHORIZATION})(?!{_SCHEME}[ \t])
         (?:digest[ ][^\r\n]*|(?:[^\r\n"'`\\]|\\(?!["']))+)""",
    # not in "bearer of news" or "bearer authentication"
    r"(?i)(\bbearer[ \t]+)(?!(?:auth|cert|cred|format|header|scheme|token)[a-z]*\b)[\w.~+/=-]{6,}",
    r"(?i)(aws_(?:secret_access_key|session_token)[ \t]+)[a-z0-9/+=]{16,}",
    rf"(?xs)((?<![\w.-])sshpass(?:[ \t]+-v)*[ \t]+-v?p[ \t]*){_VALUE}",
)

# Options that mean a password to one command only, unlike `ssh -p 22` or `docker run -u 1:1`.
_COMMAND_OPTIONS = {
    r"curl": r"""
        ((?<=\s)(?:-[fgikLsSvG]*[uU]|--(?:proxy-)?user(?=[\s=]))[ \t=]*+(["'])?[^\s:"']*:)
        (?(2)(?:(?!\2).)+|[^\s"']+)""",
    r"(?:mysql|mariadb)[\w-]*": rf"((?<=\s)-p)(?!\s){_VALUE}",
    r"(?:docker|podman)[ \t]+login": rf"((?<=\s)-p[ \t]*){_VALUE}",
    r"redis-cli": rf"((?<=\s)-a[ \t]*){_VALUE}",
}

# The rest of a simple command: up to the end of its line or a separator outside quotes.
_ARGUMENTS = r"""(?=\s)(?:[^\n;|&"'\\]++|\\.|"[^"\\]*(?:\\.[^"\\]*)*"|'[^']*')*"""

_COMMANDS = tuple(
    (rf"(?s)(?<![\w.-]){command}{_ARGUMENTS}", f"(?xs){option}")
    for command, option in _COMMAND_OPTIONS.items()
)

_ASSIGNMENT = r"""(?x)
    (?<![\w.-])
    (?! PWD=["']?[/~$] | (?<=/)[\w.-]++: )      # the working directory; cat: /etc/passwd: denied
    (?P<name>[\w.-]++) \\*["']?\]? [ \t]*
    (?: => | \+= | := | ={1,3} | :(?!:|//) ) [ \t]*
    """

_OPTION = r"(?<![\w.-])--?(?P<name>\w[\w.-]*+)[ \t]+(?!-)"

_CREDENTIAL = r"""(?x)
      (?:apikey|credential|passphrase|passwd|password|secret)s?(?:_|$)
    | token(?:_|$)
    | (?:^|_)(?:access|account|api|auth|encryption|master|private|signing)_?keys?(?:_|$)
    | (?:^|_)(?:o?auth|pwd)$
    | _pass$
    """

# Names of facts about a secret, and options without a value, as in `psql --no-password db`.
_NO_CREDENTIAL = r"""(?x)
    ^no_ | _(?:
        at|authentication|budget|bytes|check|count|dir|directory|enabled|endpoint|env|expires|expiry
      | field|file|format|header|helper|in|index|issuer|kind|label|length|limit|location|manager|max
      | method|min|mode|names?|number|path|policy|position|prompts?|provider|ref|required|scope|size
      | status|stdin|store|strategy|timeout|total|ttl|type|uri|url|usage|used|user|username|valid
      | validity|version
    )$
    """

_UNPRINTABLE = r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"

_SHORTEST_HELD = 8
"""Characters; a shorter value is too likely to be an ordinary word."""
_HELD: set[str] = set()


def hold(environ: Mapping[str, str]) -> None:
    """Mask the secrets of an environment from now on, whatever they look like.

    Secrets are the values of variables with a secret's name, and the address of Slack's webhook.
    """
    found = (
        value.strip()
        for name, value in environ.items()
        if name == "SLACK_WEBHOOK_URL" or (name != "PWD" and _is_secret(name))
    )
    _HELD.update(value for value in found if len(value) >= _SHORTEST_HELD)


def redact(text: str) -> str:
    """Replace every secret by `***`, and keep its context: name, user, host."""
    for secret in sorted(_HELD, key=len, reverse=True):  # a secret may contain another
        text = text.replace(secret, _MASK)
    for pattern in (_TOKENS, *_PHRASES):
        text = re.sub(pattern, rf"\1{_MASK}", text)
    for command, option in _COMMANDS:
        text = re.sub(command, _option_masker(option), text)
    for pattern in (_ASSIGNMENT, _OPTION):
        text = _mask_values(pattern, text)
    return text


def summarize(command: str, limit: int = 120) -> str:
    """Return `command` without secrets, as one printable line of at most `limit` characters."""
    line = printable(redact(command))
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def printable(text: str) -> str:
    r"""Escape what moves the cursor, reorders text or cannot be encoded: \n, \t, \x1b, \u2028."""
    return re.sub(_UNPRINTABLE, lambda character: ascii(character[0])[1:-1], text)


def safe(text: str) -> str:
    """Escape like `printable`, but keep tabs and newlines, so that no terminal obeys the text."""
    return re.sub(r"[^\n\t]+", lambda piece: printable(piece[0]), text.replace("\r\n", "\n"))


def _option_masker(option: str) -> Callable[[re.Match[str]], str]:
    return lambda command: re.sub(option, rf"\1{_MASK}", command[0])


def _mask_values(names: str, text: str) -> str:
    pieces = []
    done = 0
    value_at = re.compile(f"(?xs){_VALUE}").match
    for found in re.finditer(names, text):
        start = found.end()
        if start < done or not _is_secret(found["name"]):
            continue
        if value := value_at(text, start):
            in_quotes = re.sub(r"""(?s)(\\*["'`])?.*""", rf"\1{_MASK}\1", value[0], count=1)
            pieces += [text[done:start], in_quotes]
            done = value.end()
    return "".join([*pieces, text[done:]])


def _is_secret(name: str) -> bool:
    words = "_".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", name)).lower()
    return bool(re.search(_CREDENTIAL, words)) and not re.search(_NO_CREDENTIAL, words)
