"""What the simulated phone draws is what its tree says: RapidOCR reads it back from the pixels."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

import agentkit
from agentkit.capabilities import Image
from agentkit_android.phone.phone import Phone
from agentkit_android.screen import draw, tree

pytestmark = pytest.mark.slow

SIZES = ((1080, 2400, 420), (720, 1520, 280))  # pixels, dots per inch
HANGUL = re.compile("[\uac00-\ud7a3]")  # the reader's models do not know it


def words(text: str) -> list[str]:
    return [w for w in re.findall(r"[^\W_]+", text.casefold()) if not HANGUL.search(w)]


@pytest.mark.slow
def test_the_words_of_the_tree_are_read_from_the_pixels() -> None:
    """At least 95 in 100 visible words of every app's first screen, at one of two sizes each."""
    shown = read = 0
    missed: dict[str, list[str]] = {}
    with agentkit.load(overrides=["perceptions.ocr.use=rapidocr"]) as kit:
        reader = kit.part("perception", "ocr")
        apps = sorted(name for name, app in Phone().apps.items() if app.main)
        for number, package in enumerate(apps):
            phone = Phone()
            phone.resize(*SIZES[number % 2])
            phone.start(package, phone.apps[package].main)
            scene = phone.scene()
            root = ElementTree.fromstring(tree.xml(scene))
            wanted = [w for node in root.iter("node") for w in words(node.get("text", ""))]
            (seen,) = reader.see([Image(draw.png(scene))])
            found = "".join(w for block in seen.blocks for w in words(block.text))
            missed[package] = [w for w in wanted if w not in found]
            shown += len(wanted)
            read += len(wanted) - len(missed[package])
    assert len(apps) >= 16 and shown > 300
    assert read / shown >= 0.95, {package: some for package, some in missed.items() if some}
