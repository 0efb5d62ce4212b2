"""Shows the characters of a text that people can't see but models read.

Variation selectors, zero-width characters and tags can carry a whole hidden text; bidirectional
controls make a text look like another one.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

__all__ = ["count_invisible", "invisible_note", "show_invisible"]

# Default_Ignorable_Code_Point of Unicode's DerivedCoreProperties.txt, as far as it is not Cf
_IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U000e0000-\U000e0fff]"
)
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_LAYOUT = "\n\t"


def show_invisible(text: str) -> str:
    """Write invisible characters out, as ``<U+200B>``; newlines and tabs stay."""
    return "".join(f"<{_name(each)}>" if _is_invisible(each) else each for each in text)


def count_invisible(text: str) -> dict[str, int]:
    """Count the invisible characters by name, such as ``U+200B``."""
    return dict(sorted(Counter(_name(each) for each in text if _is_invisible(each)).items()))


def invisible_note(text: str) -> str:
    """Return one line with the number of invisible characters; empty if there are none."""
    counts = count_invisible(text)
    if not counts:
        return ""
    each = ", ".join(f"{count} x {name}" for name, count in counts.items())
    return (
        f"invisible characters, which the agent reads as they are: {sum(counts.values())} ({each})"
    )


def _is_invisible(character: str) -> bool:
    if character in _LAYOUT:
        return False
    category = unicodedata.category(character)
    return category in _INVISIBLE_CATEGORIES or _IGNORABLE.match(character) is not None


def _name(character: str) -> str:
    return f"U+{ord(character):04X}"
