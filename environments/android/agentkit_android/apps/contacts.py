"""Contacts: a list by name, and a page for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from agentkit_android.apps.app import App
from agentkit_android.screen.views import Act, View, avatar, header, row, screen, toggle

if TYPE_CHECKING:
    from agentkit_android.phone.phone import Phone

PACKAGE = "com.android.contacts"
HUES = ("#7D5260", "#386A20", "#00639B", "#8C4A00", "#6750A4")
PEOPLE = (
    ("Aisha Rahman", "+1 555 010 0101"), ("Ben Okafor", "+1 555 010 0102"),
    ("Carla Mendes", "+1 555 010 0103"), ("Carl Mendel", "+1 555 010 0104"),
    ("Daniel Weiss", "+1 555 010 0105"), ("Elif Kaya", "+1 555 010 0106"),
    ("Farah Nasser", "+1 555 010 0107"), ("Grace Hill", "+1 555 010 0108"),
    ("Hugo Lindqvist", "+1 555 010 0109"), ("Ines Duarte", "+1 555 010 0110"),
    ("Jun Park", "+1 555 010 0111"), ("Katya Sokolova", "+1 555 010 0112"),
    ("Liam Byrne", "+1 555 010 0113"), ("Mei Tanaka", "+1 555 010 0114"),
    ("Noah Fischer", "+1 555 010 0115"), ("Olga Novak", "+1 555 010 0116"),
    ("Priya Nair", "+1 555 010 0117"), ("Quentin Moreau", "+1 555 010 0118"),
    ("Rosa Jimenez", "+1 555 010 0119"), ("Samuel Osei", "+1 555 010 0120"),
)  # fmt: skip


def _hue(name: str) -> str:
    return HUES[sum(map(ord, name)) % len(HUES)]


def _open(number: int) -> Act:
    return lambda phone: phone.start(PACKAGE, ".Person", {"contact": str(number)})


def people(phone: Phone, given: Mapping[str, str]) -> View:
    rows = phone.data[PACKAGE]["people"]
    order = sorted(range(len(rows)), key=lambda n: str(rows[n]["name"]).casefold())
    shown = (
        row(
            rows[n]["name"],
            "Favourite" if rows[n]["favourite"] else "",
            on_tap=_open(n),
            lead=avatar(rows[n]["name"], _hue(rows[n]["name"])),
        )
        for n in order
    )
    return screen("Contacts", *shown, up=False)


def person(phone: Phone, given: Mapping[str, str]) -> View:
    rows, number = phone.data[PACKAGE]["people"], given.get("contact", "0")
    if not number.isdecimal() or int(number) >= len(rows):
        return screen("Contact", row("This contact does not exist"))
    one = rows[int(number)]

    def favour(phone: Phone) -> None:
        one = phone.data[PACKAGE]["people"][int(number)]
        one["favourite"] = not one["favourite"]

    return screen(
        one["name"],
        header("Contact info"),
        row(one["phone"], "Mobile"),
        toggle("Favourite", one["favourite"], favour),
    )


APP = App(
    PACKAGE,
    "Contacts",
    "#00639B",
    {".People": people, ".Person": person},
    main=".People",
    data={"people": [{"name": n, "phone": p, "favourite": False} for n, p in PEOPLE]},
)
