"""docs/demo.svg: some scenes of a real run of `ac-mcp demo`, as it stands in a terminal.

python -m bench.picture
"""

import re
import subprocess
import sys
from html import escape
from pathlib import Path

WISHES = (
    "How many VIPs do we have?",
    "Omar too! (with a typo)",
    "How many VIPs do not get the newsletter?",
    "Tag all VIPs in Europe for the webinar.",
    "Delete Jane.",
    "No, not her! Take that back.",
)
MOST = 4
"""Lines of one answer."""
WIDTH, LINE, LEFT, TOP, CHARACTER = 104, 19, 18, 46, 8.13
COLORS = {"\u2022": "#ffd479", "\u2192": "#7cc5ff", "=": "#b7e3a1", "!": "#ff9d8a", "?": "#d6b3ff", "(": "#d6b3ff"}
"""Of a line, by how it begins: a wish, a call, an answer, a refusal, a question and its answer."""


def scenes(text: str) -> list[list[str]]:
    """The lines of each scene that is shown; of a long answer the first ones."""
    found = {one.split("\n")[0].removeprefix("\u2022 "): one.split("\n") for one in text.split("\n\n") if one}
    return [shortened(found[wish]) for wish in WISHES]


def shortened(lines: list[str]) -> list[str]:
    kept, count = list[str](), 0
    for line in lines:
        count = count + 1 if line.startswith("    ") else 1
        if count <= MOST:
            kept.append(line)
        elif count == MOST + 1:
            kept[-1] = f"{kept[-1][: WIDTH - 2]} \u2026"
    return kept


def drawn(text: str) -> str:
    """The picture."""
    rows: list[tuple[str, str]] = []
    for scene in scenes(text):
        color = ""
        for line in scene:
            color = COLORS.get(line.strip()[:1], color) if not line.startswith("    ") else color
            rows.append((color, line))
        rows.append(("", ""))
    height = TOP + LINE * len(rows)
    width = round(LEFT * 2 + CHARACTER * WIDTH)
    lights = "".join(
        f'<circle cx="{22 + 20 * n}" cy="20" r="6" fill="{c}"/>'
        for n, c in enumerate(("#ff5f57", "#febc2e", "#28c840"))
    )
    texts = "\n".join(
        f'<text x="{LEFT + CHARACTER * (len(line) - len(line.lstrip())):.0f}" y="{TOP + LINE * n + 6}" fill="{color}" font-weight="{weight(line)}">{escape(line.strip())}</text>'
        for n, (color, line) in enumerate(rows)
        if line
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        'aria-label="A session of ac-mcp demo in a terminal">\n'
        f'<rect width="{width}" height="{height}" rx="10" fill="#1b1f2a"/>{lights}\n'
        '<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,\'DejaVu Sans Mono\',monospace" font-size="13.5" '
        f'xml:space="preserve">\n{texts}\n</g></svg>\n'
    )


def weight(line: str) -> str:
    """What a person says is bold."""
    return "bold" if line.startswith("\u2022") else "normal"


def main() -> None:
    said = subprocess.run([sys.executable, "-m", "ac_mcp", "demo"], capture_output=True, text=True, check=True).stdout
    path = Path(__file__).parent.parent / "docs" / "demo.svg"
    path.write_text(drawn(re.sub(r"[ \t]+$", "", said, flags=re.M)), encoding="utf-8")
    sys.stdout.write(f"{path}: {path.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
