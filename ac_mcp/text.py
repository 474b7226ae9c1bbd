"""Text as a person would see it: what is invisible, or turns the direction of writing, is left out.

Characters nobody sees can carry instructions to a model past the person beside it, and an override of the writing
direction makes a name look like another one (Unicode TR 36, TR 55). Joiners and variation selectors stay where scripts
and emoji need them.
"""

import re

INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
LINES = re.compile("[\u2028\u2029]")
LONE_JOINER = re.compile("(?<![^\x00-\x7f\u200c\u200d])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f\u200c\u200d])")
"""A joiner that does not stand between two letters or emoji that could need one."""
LONE_SELECTOR = re.compile('(?<![^\x00-"$-)+-/:-\x7f\ufe0f])\ufe0f')
"""An emoji selector after something that is no emoji, digit, # or *."""


def visible(text: str) -> str:
    """The same without what nobody would see."""
    if text.isascii() and text.isprintable():
        return text
    return LONE_SELECTOR.sub("", LONE_JOINER.sub("", LINES.sub("\n", INVISIBLE.sub("", text))))


def truncate(text: str, most: int) -> str:
    """At most so many characters, with a sign that there were more."""
    return text if len(text) <= most else f"{text[:most]}…"
