"""Every way to install this, tried: wheel, MCP bundle, Claude Code's plugin, image (as root). Needs the network.

python -m tests.packaging [wheel] [bundle] [plugin] [image]
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.packaging import bundle, image, plugin, wheel
from tests.packaging.trying import Failed

CHECKS: Mapping[str, Callable[[Path], Iterator[str]]] = {
    "wheel": wheel.check,
    "bundle": bundle.check,
    "plugin": plugin.check,
    "image": image.check,
}


def main(wanted: list[str]) -> int:
    failed = 0
    for name in wanted or list(CHECKS):
        began = time.monotonic()
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            try:
                for said in CHECKS[name](Path(folder)):
                    print(f"{name:8} ok      {said}", flush=True)
            except Failed as error:
                failed += 1
                print(f"{name:8} FAILED  {error}", flush=True)
        print(f"{name:8} {time.monotonic() - began:.0f} s", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
