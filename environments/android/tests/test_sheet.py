"""The pictures of docs/phone."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from agentkit_android.phone.phone import Phone
from agentkit_android.screen import sheet

pytestmark = pytest.mark.slow

PACKAGE = "com.android.contacts"


def test_a_sheet_shows_every_screen_in_every_look_and_is_small() -> None:
    phone = Phone()
    found = sheet.screens(phone, PACKAGE)
    assert {place[0] for place in found} == {".People", ".Person", ".Edit"}
    assert {"menu", "label", "delete"} <= {place[-1] for place in found}
    page = sheet.side_by_side(phone, list(found.values())[:2])
    corners = [page.getpixel((60, 390)), page.getpixel((60 + 3 * 189, 390))]
    assert corners[0] != corners[1], "the last look is dark"
    data = sheet.png(page, 60_000)
    assert len(data) <= 60_000 and Image.open(io.BytesIO(data)).format == "PNG"
