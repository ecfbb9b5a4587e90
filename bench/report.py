"""How long the report of a large build takes to write, how large it is, how fast it opens.

    python bench/report.py [LISTS]

A build of 10,000 lists of 20 documents, with two views and four trials, is made up. Its report is
written, and opened in headless Chromium five times, each to where lists can be searched.
"""

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from chromium import browser
from made_up_build import MadeUp
from rankmill.page import report

DEPTH, TIMES, LIMIT_SECONDS = 20, 5, 2.0


def main() -> None:
    lists = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        build = MadeUp(Path(folder) / "data", lists=lists, depth=DEPTH).made()
        began = time.perf_counter()
        page = report(build)
        took, size = time.perf_counter() - began, page.stat().st_size
        print(f"{lists:,} lists x {DEPTH}: written in {took:.1f} s, {size / 1e6:.1f} MB")
        (Path(folder) / "browser").mkdir()
        with browser(Path(folder) / "browser") as tab:
            opened = [seconds_to_open(tab, page) for _ in range(TIMES)]
        most = f"limit {LIMIT_SECONDS:.0f} s: {'kept' if max(opened) < LIMIT_SECONDS else 'BROKEN'}"
        print(f"opens in {median(opened):.2f} s, {max(opened):.2f} s at most ({most})")


def seconds_to_open(tab, page: Path) -> float:
    tab.visit("about:blank")
    began = time.perf_counter()
    tab.visit(page.as_uri())
    tab.until("!document.getElementById('browser').hidden")
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
