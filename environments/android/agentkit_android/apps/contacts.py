"""Contacts: a list by name with a search, a page for each, and a form."""

from __future__ import annotations

from agentkit_android.apps.app import App, Filter
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.strings import own
from agentkit_android.phone import intents
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Intent, Value, do, go, send, show
from agentkit_android.screen.views import Overlay, View

PACKAGE = "com.android.contacts"
PEOPLE = (
    "Aisha Rahman", "Ben Okafor", "Carla Mendes", "Carl Mendel", "Daniel Weiss", "Elif Kaya",
    "Farah Nasser", "Grace Hill", "Hugo Lindqvist", "Ines Duarte", "Jun Park", "Katya Sokolova",
    "Liam Byrne", "Mei Tanaka", "Noah Fischer", "Olga Novak", "Priya Nair", "Quentin Moreau",
    "Rosa Jimenez", "Samuel Osei",
)  # fmt: skip
SCHEMA = """
CREATE TABLE people (
    _id INTEGER PRIMARY KEY, name TEXT NOT NULL, number TEXT NOT NULL DEFAULT '',
    email TEXT NOT NULL DEFAULT '', label TEXT NOT NULL DEFAULT 'Mobile',
    note TEXT NOT NULL DEFAULT '', starred INTEGER NOT NULL DEFAULT 0
);
CREATE VIEW phones AS SELECT _id, _id AS contact_id, name AS display_name, number AS data1,
    number, label, starred FROM people WHERE number <> '';
CREATE TRIGGER phones_insert INSTEAD OF INSERT ON phones BEGIN
    INSERT INTO people (name, number) VALUES (NEW.display_name, coalesce(NEW.data1, NEW.number));
END;
CREATE TRIGGER phones_delete INSTEAD OF DELETE ON phones BEGIN
    DELETE FROM people WHERE _id = OLD._id;
END;
"""
LABELS = ("Mobile", "Home", "Work")
APP = App(
    PACKAGE, "Contacts", "#00639B", icon="account-circle", strings=own("contacts"),
    main=".People", schema=SCHEMA,
    filters=(
        Filter(intents.INSERT, ".Edit", kinds=("vnd.android.cursor.dir/",)),
        Filter("android.intent.action.INSERT_OR_EDIT", ".Edit"),
        Filter(intents.PICK, ".People", kinds=("vnd.android.cursor.dir/",), schemes=("content",)),
        Filter(intents.VIEW, ".Person", schemes=("content",)),
    ),
    providers={
        "com.android.contacts/contacts": "people",
        "com.android.contacts/people": "people",
        "com.android.contacts/raw_contacts": "people",
        "com.android.contacts/data/phones": "phones",
    },
)  # fmt: skip


@APP.begins
def begin(do: Do) -> None:
    for number, name in enumerate(PEOPLE, 1):
        phone = f"+1 555 010 {100 + number:04}"
        do.run("INSERT INTO people (name, number) VALUES (?, ?)", name, phone)


@APP.screen(".People")
def people(see: See) -> View:
    wanted = see.text("query").strip()
    picking = see.args.get("action") == intents.PICK
    found = see.rows(
        "SELECT * FROM people WHERE name LIKE '%' || ?1 || '%' OR replace(number, ' ', '') LIKE"
        " '%' || replace(?1, ' ', '') || '%' ORDER BY name COLLATE NOCASE",
        wanted,
    )
    rows = [
        ui.row(
            one["name"],
            see.t("Favourite") if one["starred"] else "",
            tap=do("pick", id=one["_id"]) if picking else go(".Person", id=one["_id"]),
            lead=ui.avatar(one["name"]),
            height=72,
        )
        for one in found
    ]
    none = see.t("No contacts match {text}", text=wanted) if wanted else see.t("No contacts yet")
    box = ui.form(ui.field("query", hint=see.t("Search contacts")))
    return ui.page(
        see.t("Choose a contact" if picking else "Contacts"),
        *(rows or [ui.empty(none, "account-circle")]),
        under=(box,),
        up=picking,
        floating=None if picking else ui.fab("plus", see.t("Create contact"), go(".Edit")),
        resource="recycler_view",
    )


@APP.on("pick")
def pick(do: Do) -> None:
    one = do.row("SELECT * FROM people WHERE _id = ?", do.arg("id"))
    if one:
        do.finish(id=one["_id"], name=one["name"], number=one["number"])


@APP.screen(".Person")
def person(see: See) -> View:
    number = str(see.args.get("data", "")).rpartition("/")[2] or see.arg("id")
    one = see.row("SELECT * FROM people WHERE _id = ?", number)
    if one is None:
        return ui.page(see.t("Contact"), ui.empty(see.t("This contact does not exist")))
    star = ui.icon(
        "star" if one["starred"] else "star-outline",
        see.t("Remove from favourites" if one["starred"] else "Add to favourites"),
        do("star", id=one["_id"]),
    )
    edit = ui.icon("pencil", see.t("Edit contact"), go(".Edit", id=one["_id"]))
    rows = [ui.header(see.t("Contact info"))]
    if one["number"]:
        message = send(intents.SENDTO, f"smsto:{one['number']}")
        call = send(intents.DIAL, f"tel:{one['number']}")
        rows.append(
            ui.row(
                one["number"], see.t(one["label"]), tap=call, lead=ui.icon("phone"),
                trail=ui.icon("message-text", see.t("Message"), message),
            )
        )  # fmt: skip
    if one["email"]:
        rows.append(ui.row(one["email"], see.t("Email"), lead=ui.icon("email-outline")))
    if one["note"]:
        rows += [ui.header(see.t("Notes")), ui.paragraph(one["note"])]
    rows.append(ui.toggle(see.t("Favourite"), bool(one["starred"]), do("star", id=one["_id"])))
    return ui.page(one["name"], *rows, actions=(star, edit, ui.more(see.t("More options"))))


@APP.on("star")
def star(do: Do) -> None:
    do.run("UPDATE people SET starred = 1 - starred WHERE _id = ?", do.arg("id"))


@APP.overlay("menu")
def menu(see: See) -> Overlay:
    return ui.menu((see.t("Delete"), show("delete")), (see.t("Share"), do("share")))


@APP.on("share")
def share(do: Do) -> None:
    one = do.row("SELECT * FROM people WHERE _id = ?", do.arg("id"))
    if one:
        text = f"{one['name']} {one['number']}".strip()
        do.send(Intent(intents.SEND, kind="text/plain", extras=(("text", text),)))


@APP.overlay("delete")
def ask(see: See) -> Overlay:
    name = see.one("SELECT name FROM people WHERE _id = ?", see.arg("id"))
    return ui.confirm(
        see.t("Delete contact?"), str(name or ""), see.t("Delete"), do("delete"), see.t("Cancel")
    )


@APP.on("delete")
def delete(do: Do) -> None:
    do.run("DELETE FROM people WHERE _id = ?", do.arg("id"))
    do.toast(do.t("Contact deleted"))
    do.finish()


@APP.screen(".Edit")
def edit(see: See) -> View:
    one = see.row("SELECT * FROM people WHERE _id = ?", see.arg("id"))
    given = {
        "name": str(see.args.get("name", "")), "number": str(see.args.get("phone", "")),
        "email": str(see.args.get("email", "")), "note": str(see.args.get("notes", "")),
    }  # fmt: skip
    now = {key: str(one[key]) if one else value for key, value in given.items()}
    label = see.get("label", one["label"] if one else LABELS[0])
    save = ui.button(see.t("Save"), do("save"), kind="text", resource="save")
    return ui.page(
        see.t("Edit contact" if one else "Create contact"),
        ui.form(
            ui.field("name", now["name"], label=see.t("Name")),
            ui.field("number", now["number"], label=see.t("Phone")),
        ),
        ui.pick(see.t("Label"), see.t(label), show("label"), icon="label"),
        ui.form(
            ui.field("email", now["email"], label=see.t("Email")),
            ui.field("note", now["note"], label=see.t("Notes"), multiline=True),
        ),
        actions=(save,),
    )


@APP.overlay("label")
def label(see: See) -> Overlay:
    choices = [(name, see.t(name)) for name in LABELS]
    kept = see.one("SELECT label FROM people WHERE _id = ?", see.arg("id"))
    now = see.get("label", str(kept or LABELS[0]))
    return ui.options(see.t("Label"), do("label"), choices, now, see.t("Cancel"))


@APP.on("label")
def set_label(do: Do) -> None:
    do.put("label", do.args["value"])


@APP.on("save")
def save(do: Do) -> None:
    number = do.arg("id")
    one = do.row("SELECT * FROM people WHERE _id = ?", number)
    keys = (("name", "name"), ("number", "phone"), ("email", "email"), ("note", "notes"))
    values: dict[str, Value] = {
        key: do.text(key, str(one[key]) if one else str(do.args.get(extra, ""))).strip()
        for key, extra in keys
    }
    if not values["name"] and not values["number"]:
        do.toast(do.t("Nothing to save. Contact discarded."))
        return do.finish()
    values["name"] = values["name"] or values["number"]
    values["label"] = do.get("label", one["label"] if one else LABELS[0])
    if one:
        do.change("people", number, **values)
    else:
        do.add("people", **values)
    do.toast(do.t("Contact saved"))
    return do.finish()


@APP.back(".Edit")
def leave(do: Do) -> None:
    """What was typed is not lost without a question."""
    if do.typed:
        do.show("discard")
    else:
        do.finish()


@APP.overlay("discard")
def discard(see: See) -> Overlay:
    return ui.confirm(
        see.t("Discard your changes?"), "", see.t("Discard"), do("discard"), see.t("Keep editing")
    )


@APP.on("discard")
def discarded(do: Do) -> None:
    do.finish()
