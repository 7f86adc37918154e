"""How somebody has their phone: before they sleep, their songs, their pictures, their browser."""

from __future__ import annotations

import io
from collections.abc import Sequence
from random import Random

from PIL import Image

from agentkit.capabilities import Action
from agentkit_android.client.actions import Finish, Press
from agentkit_android.people.errands import Usual
from agentkit_android.people.habit import Habit, Personal, grant, one_of
from agentkit_android.tasks.names import SETTINGS
from agentkit_android.tasks.sight import Sight
from agentkit_android.tasks.state import PhoneState
from agentkit_android.tasks.template import Part

MUSIC, CAMERA, BROWSER = "com.android.music", "com.android.camera2", "com.android.browser"
FOLDER = "/sdcard/DCIM/Camera"
NIGHT = {  # table, key, value, and the way through the settings
    "quiet": ("global", "zen_mode", "1", ("Notifications", "Do Not Disturb")),
    "flight": ("global", "airplane_mode_on", "1", ("Network & internet", "Airplane mode")),
    "dark": ("secure", "ui_night_mode", "2", ("Display", "Dark theme")),
    "saver": ("global", "low_power", "1", ("Battery", "Battery Saver")),
}
ORDERS = {"title": "Title", "artist": "Artist", "new": "Recently added", "long": "Length"}
ITEMS = {
    "mug": "Enamel mug", "lantern": "Tin lantern", "stool": "Oak stool", "blanket": "Wool blanket",
}  # fmt: skip


class Alone(Habit[Usual]):
    """Its goal has no parameters."""

    params = Usual

    def drawn(self, user: str, random: Random) -> Usual:
        return Usual(user=user)


class Night(Alone):
    name = "personal-night"
    goal = "I go to bed: get the phone ready for the night"
    goals = ("Good night! Do what I always do with the phone now.",)
    prefers = "night"
    apps = (SETTINGS,)

    def check(self, phone: PhoneState, p: Usual, answer: str) -> Sequence[Part]:
        on = [k for k, (table, key, v, _) in NIGHT.items() if phone.setting(table, key) == v]
        return [one_of("what is switched on", p.person.night, on)]

    def expert(self, see: Sight, p: Usual) -> Action:
        if self.done(see, p):
            return Finish()
        return see.reach(SETTINGS, *NIGHT[p.person.night][3])


class SongOrder(Alone):
    name = "personal-songs"
    goal = "Put my songs in the order that I like"
    prefers = "order"
    apps = (MUSIC,)

    def begin(self, phone: PhoneState, p: Usual, random: Random) -> None:
        other = random.choice([o for o in ORDERS if o != p.person.order])
        phone.rows(MUSIC, "INSERT OR REPLACE INTO preferences VALUES ('order', ?)", other)

    def check(self, phone: PhoneState, p: Usual, answer: str) -> Sequence[Part]:
        now = phone.one(MUSIC, "SELECT value FROM preferences WHERE key = 'order'")
        return [one_of("the order", p.person.order, [now])]

    def expert(self, see: Sight, p: Usual) -> Action:
        if self.done(see, p):
            return Finish()
        return see.reach(MUSIC, "More options", "Sort by", ORDERS[p.person.order])


class Shape(Alone):
    name = "personal-picture"
    goal = "Take a picture for me, as I like them"
    prefers = "photo"
    apps = (CAMERA,)

    def begin(self, phone: PhoneState, p: Usual, random: Random) -> None:
        grant(phone, CAMERA, "CAMERA")

    def taken(self, phone: PhoneState) -> list[str]:
        """The shapes of the pictures of today."""
        found = []
        for name in phone.names(FOLDER):
            if name.startswith("IMG_20231015"):
                with Image.open(io.BytesIO(phone.read(f"{FOLDER}/{name}"))) as image:
                    wide, high = image.size
                shapes = {4 / 3: "4:3", 1.0: "1:1", 16 / 9: "16:9"}
                found.append(shapes[min(shapes, key=lambda s: abs(s - high / wide))])
        return found

    def check(self, phone: PhoneState, p: Usual, answer: str) -> Sequence[Part]:
        return [one_of("the picture", p.person.photo, self.taken(phone))]

    def expert(self, see: Sight, p: Usual) -> Action:
        if self.taken(see.phone):
            return Finish()
        query = "SELECT value FROM preferences WHERE key = 'size'"
        if (see.phone.one(CAMERA, query) or "4:3") == p.person.photo:
            if see.look.activity == ".Settings":
                return Press(button="back")
            return see.reach(CAMERA, "Take photo")
        if see.title == "Photo size":
            row = see.find(f"{p.person.photo} (", whole=False)
            return see.tap(row) if row else Press(button="back")
        if see.look.activity == ".Settings":
            row = see.find("Photo size", whole=False)
            return see.tap(row) if row else Press(button="back")
        return see.reach(CAMERA, "Settings")


class Item(Personal):
    item: str


class Shopper(Habit[Item]):
    name = "personal-private"
    goal = "Show me the {item} of the shop Tin & Timber in the browser, as I always shop"
    prefers = "private"
    params = Item
    apps = (BROWSER,)

    def drawn(self, user: str, random: Random) -> Item:
        return Item(user=user, item=random.choice(list(ITEMS)))

    def shown(self, p: Item) -> dict[str, object]:
        return {"item": ITEMS[p.item].lower()}

    def check(self, phone: PhoneState, p: Item, answer: str) -> Sequence[Part]:
        query = "SELECT private FROM visits JOIN tabs ON tab = tabs._id WHERE url LIKE ?"
        found = [v for (v,) in phone.rows(BROWSER, query, f"%/item/{p.item}")]
        return [one_of("whether its tab is private", str(int(p.person.private)), found)]

    def expert(self, see: Sight, p: Item) -> Action:
        if self.done(see, p):
            return Finish()
        hidden = see.find("Private: this tab", whole=False) is not None
        if see.look.package == BROWSER and p.person.private and not hidden:
            return see.reach(BROWSER, "More options", "New private tab")
        return see.reach(BROWSER, "Tin & Timber, an online shop", ITEMS[p.item])


TEMPLATES = (Night(), SongOrder(), Shape(), Shopper())
