"""Text as a person sees it, without invisible characters and overrides of the writing direction.

Invisible characters can carry instructions to a model that the person beside it never sees, and a direction override
makes a name look like another one (Unicode TR 36, TR 55). Joiners and variation selectors stay where scripts and emoji
need them.
"""

import re
import unicodedata

UNSEEN = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""The characters that nobody sees, but for joiners and the emoji selector."""
FLAG = "\U0001f3f4[\U000e0061-\U000e007a\U000e0030-\U000e0039]{4,6}\U000e007f"
"""The flag of a region, such as Scotland: its letters are tags that nobody sees."""
INVISIBLE = re.compile(f"({FLAG})|[{UNSEEN}]")
BARE = re.compile(f"[{UNSEEN}\u200c\u200d\ufe0f]")
LINES = re.compile("[\u2028\u2029]")
JOINING = re.compile("[\u200c\u200d\ufe0f]+")
EMOJI = (
    "\u00a9\u00ae\u203c\u2049\u20e3\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u2460-\u24ff\u25a0-\u2bff\u3030\u303d\u3297\u3299"
    "\U0001f000-\U0001faff\U000e007f"
)
JOINED = re.compile(
    f"[{EMOJI}\u0620-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u18af\u1a20-\u1cff\ua800-\ua8ff\ua980-\uaaff\uabc0-\uabff"
    "\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00011fff\U0001e800-\U0001e95f]"
)
"""An emoji, or a letter of a script in which a joiner between two letters changes what one sees."""
SELECTED = re.compile(f"[#*0-9{EMOJI}]")
"""What an emoji selector may follow."""
ESCAPES = re.compile(
    r"(?:\\\\)+|(?:\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})+|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
"""Escaped backslashes, whole surrogate pairs, and single surrogates."""
SURROGATE = re.compile("[\ud800-\udfff]")
"""Half an emoji, such as a file name can hold; no text with one can be written."""
SINGLE_LENGTH = len(r"\ud83d")


def keep_joiner(found: re.Match[str]) -> str:
    """Return what a run of joiners and emoji selectors has to keep: one selector and one joiner at the most."""
    run, text = found[0], found.string
    before, after = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
    selector = "\ufe0f" if run[0] == "\ufe0f" and SELECTED.match(before) else ""
    joiner = next((letter for letter in run if letter != "\ufe0f"), "")
    return selector + (joiner if JOINED.match(before) and JOINED.match(after) else "")


def visible(text: str) -> str:
    """Return the text without its invisible characters; line and paragraph separators become newlines."""
    if text.isascii() and text.isprintable():
        return text
    return JOINING.sub(keep_joiner, LINES.sub("\n", INVISIBLE.sub(r"\1", text)))


def bare(text: str) -> str:
    """Return the text without any invisible character, also without the joiners that letters and emoji need."""
    return text if text.isascii() and text.isprintable() else BARE.sub("", LINES.sub("\n", text))


def truncate(text: str, limit: int) -> str:
    """Return at most `limit` characters of the text; an ellipsis is added where it was cut."""
    return text if len(text) <= limit else f"{text[:limit]}…"


def fold(text: str) -> str:
    """Return a text as it is compared: without case, extra spaces, invisible characters, and ways to encode accents."""
    return " ".join(unicodedata.normalize("NFC", unicodedata.normalize("NFD", bare(text)).casefold()).split())


def fold_accents(text: str) -> str:
    """Return a text as `fold` does, and without accents: "Zoë Müller" is "zoe muller"."""
    letters = unicodedata.normalize("NFKD", fold(text))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def repair_escapes(text: str) -> str:
    """Return JSON with U+FFFD for each single surrogate, such as half an emoji, which most parsers refuse."""

    def repaired(match: re.Match[str]) -> str:
        is_single = len(match[0]) == SINGLE_LENGTH and match[0][1] == "u"
        return r"\ufffd" if is_single else match[0]

    return ESCAPES.sub(repaired, text)


def repair_text(text: str) -> str:
    """Return a text with U+FFFD for single surrogates."""
    return text if text.isascii() else SURROGATE.sub("\ufffd", text)
