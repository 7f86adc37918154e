"""Run by the Python of another environment, which has `omnidocbench` (AGPL-3.0); never imported.

Reads a JSON list of {"markdown", "truth"} from standard input and writes a JSON list of the same
length: the program's figures of each page, or null where it could not judge it.
"""

import contextlib
import json
import sys
import tempfile
from typing import Any


def figures(page: dict[str, Any], folder: str) -> dict[str, Any] | None:
    from omnidocbench.evaluate import evaluate_page

    try:
        found = evaluate_page(page["markdown"], page["truth"], folder, disable_cdm=True)
    except (Exception, SystemExit):  # it ends the process where it fails to match
        return None
    return {
        "text": found["text"]["edit_ratio"],
        "formulas": found["equation"]["edit_ratio"],
        "order": found["reading_order"]["edit_ratio"],
        "TEDS": found["table"]["teds"],
        "TEDS-S": found["table"]["s_teds"],
    }


if __name__ == "__main__":
    out = sys.stdout
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        made = [figures(page, folder) for page in json.load(sys.stdin)]
    json.dump(made, out)
