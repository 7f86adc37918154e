"""Check that every question of `sqlite.questions.jsonl` is answered on the pages it names.

    python examples/corpora/check_questions.py

Standard library only: it must not share code with what the questions measure.
"""

from __future__ import annotations

import collections
import html
import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
TAG = re.compile(r"<!--.*?-->|<[^>]*>", re.S)


def page_text(page: str) -> str:
    """The page's words, white space folded."""
    source = (HERE / "sqlite" / page).read_text("utf-8", errors="replace")
    return re.sub(r"\s+", " ", html.unescape(TAG.sub("", source)))


def main() -> int:
    """Print what is wrong; return how many questions are."""
    wrong = 0
    counts: collections.Counter[str] = collections.Counter()
    for line in (HERE / "sqlite.questions.jsonl").read_text("utf-8").splitlines():
        item = json.loads(line)
        counts[f"{item['kind']}/{item['split']}"] += 1
        for page in item["pages"]:
            if not re.search(item["answer"], page_text(page), re.I):
                print(f"{item['id']}: no answer on {page}: {item['question']}")
                wrong += 1
        if item["kind"] != "absent" and not item["pages"]:
            print(f"{item['id']}: names no page")
            wrong += 1
    print(", ".join(f"{name} {n}" for name, n in sorted(counts.items())))
    return wrong


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
