"""Rules of telling whether a message ends with a question."""

from __future__ import annotations

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.question import ends_with_question


@pytest.mark.parametrize(
    "message",
    [
        "Shall I go on?",
        "All tests pass.\n\nShall I **go on?**\n",
        "Shall I go on? Tell me, and I do.",
        "Which of these do you want?\n\n- the one\n- the other\n\n",
        "Would you like me to:\n1. fix it?\n2. leave it?",
        "(Shall I?)",
        "続けますか\uff1f",
        "هل أستمر؟",
        "\u039d\u03b1\u037e",
        "```sh\nmake\n```\nDid that work?",
    ],
)
def test_a_question_mark_in_the_last_paragraph_is_a_question(message: str) -> None:
    assert ends_with_question(message)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "Done.",
        "Why did it fail? It had no key.\n\nI gave it one.",
        "Done. The check is:\n```sh\nread -p 'Go on?'\n```",
        "I answered:\n\n> Shall I go on?",
        "It prints `Go on?` and waits.",
        'It prints "Go on?" and waits.',
        "See https://example.org/?q=1 for more.",
        "~~~\nGo on?",
    ],
)
def test_code_and_quotations_and_earlier_paragraphs_ask_nothing(message: str) -> None:
    assert not ends_with_question(message)
