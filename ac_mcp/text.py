"""Text as a person sees it, without invisible characters and overrides of the writing direction.

Invisible characters can carry instructions to a model that the person beside it never sees, and a direction override
makes a name look like another one (Unicode TR 36, TR 55). Joiners and variation selectors stay where scripts and emoji
need them.
"""

import re
import unicodedata

INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
LINES = re.compile("[\u2028\u2029]")
LONE_JOINER = re.compile("(?<![^\x00-\x7f\u200c\u200d])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f\u200c\u200d])")
"""A joiner that is not between two letters or emoji that could need it."""
LONE_SELECTOR = re.compile('(?<![^\x00-"$-)+-/:-\x7f\ufe0f])\ufe0f')
"""An emoji selector that does not follow an emoji, digit, # or *."""


def visible(text: str) -> str:
    """Return the text without its invisible characters; line and paragraph separators become newlines."""
    if text.isascii() and text.isprintable():
        return text
    return LONE_SELECTOR.sub("", LONE_JOINER.sub("", LINES.sub("\n", INVISIBLE.sub("", text))))


def truncate(text: str, limit: int) -> str:
    """Return at most `limit` characters of the text; an ellipsis is added where it was cut."""
    return text if len(text) <= limit else f"{text[:limit]}…"


def fold(text: str) -> str:
    """Return a text as it is compared: without case, extra spaces, invisible characters, and ways to encode accents."""
    return " ".join(unicodedata.normalize("NFC", visible(text)).casefold().split())


def fold_accents(text: str) -> str:
    """Return a text as `fold` does, and without accents: "Zoë Müller" is "zoe muller"."""
    letters = unicodedata.normalize("NFKD", fold(text))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
