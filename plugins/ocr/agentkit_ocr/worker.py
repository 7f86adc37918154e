"""A process of its own that reads pages: `python -m agentkit_ocr.worker`.

Lines of JSON come on standard input, the first with the perception's recipe, each further one a
page; a line goes back for each. A page that brings the process down takes no other with it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

from agentkit.capabilities import Perception
from agentkit.errors import AgentkitError
from agentkit.files import write_atomic
from agentkit.kit import Kit
from agentkit_ocr import straight
from agentkit_ocr.document import Page
from agentkit_ocr.files import Opened, Reader
from agentkit_ocr.layout import analyse
from agentkit_ocr.reading import Options, read_page


def main() -> None:
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no reply
    start = json.loads(sys.stdin.readline())
    options, dpi = Options(**start["options"]), int(start["dpi"])
    kit: Kit | None = None
    reader: Perception | None = None
    file: Reader | None = None
    for line in sys.stdin:
        asked = json.loads(line)
        began = time.monotonic()
        number = int(asked["page"])
        try:
            path = Path(asked["path"])
            if file is None or file.path != path:
                file = Reader(path, asked["password"])
            opened = file.page(number, dpi, start["text_layer"])
            if opened.lines is not None:
                page = _from_text(opened, number)
            else:
                if reader is None:
                    try:
                        kit = Kit.from_recipe(start["recipe"])
                        reader = kit.part("perception", start["recipe"]["name"])
                    except AgentkitError as error:  # no page can be read
                        replies.write(json.dumps({"fatal": error.to_json()}) + "\n")
                        return
                page = read_page(opened.picture, reader, number, options)
        except AgentkitError as error:
            page = Page(number, 0, 0, error=error.message)
        except Exception as error:
            said = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            page = Page(number, 0, 0, error=said)
        page = replace(page, seconds=round(time.monotonic() - began, 2))
        write_atomic(Path(asked["out"]), json.dumps(page.to_json(), ensure_ascii=False))
        replies.write(json.dumps({"page": number}) + "\n")
    if kit is not None:
        kit.close()


def _from_text(opened: Opened, number: int) -> Page:
    """A page whose text layer is good; its picture tells rulings and sizes."""
    picture = opened.picture
    mask = straight.ink(straight.grey(picture))
    items = tuple(analyse(opened.lines or (), mask))
    warnings = () if items else ("blank",)
    return Page(number, *picture.size, items, source="text layer", warnings=warnings)


if __name__ == "__main__":
    main()
