"""An office: mail, a calendar, files, settings."""

from __future__ import annotations

from html import escape
from typing import Any

from agentkit_web.session import Response
from agentkit_web.sites.html import button, fields, missing, page, table

NAV = {"Mail": "/", "Calendar": "/calendar", "Files": "/files", "Settings": "/settings"}
HOURS = ("09:00", "10:00", "11:00", "14:00", "15:00", "16:00")
SWITCHES = ("Newsletter", "Dark theme", "Desktop notifications")


class Office:
    """state: mail [{from, subject, text, folder}], sent, calendar {"day hour": title},
    files {name: text}, settings {language, switches}."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state

    def respond(self, method: str, path: str, query: str, body: str) -> Response:
        values = fields(body if method == "POST" else query)
        if path == "/":
            return self._inbox()
        if path.startswith("/mail/"):
            return self._mail(path.removeprefix("/mail/"), method, values)
        if path == "/calendar":
            return self._calendar(method, values)
        if path == "/files":
            return self._files()
        if path.startswith("/files/"):
            return self._file(path.removeprefix("/files/"))
        if path == "/settings":
            return self._settings(method, values)
        return missing(NAV)

    def _inbox(self, note: str = "") -> Response:
        rows = [
            (escape(m["from"]), f'<a href="/mail/{number}">{escape(m["subject"])}</a>')
            for number, m in enumerate(self.state["mail"])
            if m["folder"] == "inbox"
        ]
        return page("Inbox", table(("From", "Subject"), rows), NAV, note)

    def _mail(self, number: str, method: str, values: dict[str, str]) -> Response:
        mail = self.state["mail"]
        if not number.isdigit() or int(number) >= len(mail):
            return missing(NAV)
        one = mail[int(number)]
        if method == "POST" and values.get("folder") in ("archive", "trash"):
            one["folder"] = values["folder"]
            return self._inbox(f"Moved to {values['folder']}.")
        if method == "POST" and values.get("reply", "").strip():
            reply = {"to": one["from"], "subject": f"Re: {one['subject']}", "text": values["reply"]}
            self.state["sent"].append(reply)
            return self._inbox("Your reply was sent.")
        body = (
            f"<p>From: {escape(one['from'])}</p><p>{escape(one['text'])}</p>"
            + button(f"/mail/{number}", "Archive", folder="archive")
            + button(f"/mail/{number}", "Delete", folder="trash")
            + '<form method="post"><label>Reply <textarea name="reply"></textarea></label>'
            "<button>Send reply</button></form>"
        )
        return page(one["subject"], body, NAV)

    def _calendar(self, method: str, values: dict[str, str]) -> Response:
        calendar, note = self.state["calendar"], ""
        if method == "POST":
            slot = f"{values.get('day', '')} {values.get('hour', '')}"
            title = values.get("title", "").strip()
            if not title:
                note = "A title is needed."
            elif slot in calendar:
                note = f"{slot} is taken by {calendar[slot]}."
            else:
                calendar[slot] = title
                note = f"{title} is on {slot}."
        rows = [(escape(slot), escape(title)) for slot, title in sorted(calendar.items())]
        days = "".join(f"<option>{day}</option>" for day in self.state["days"])
        hours = "".join(f"<option>{hour}</option>" for hour in HOURS)
        form = (
            f'<h2>New entry</h2><form method="post"><label>Day <select name="day">{days}</select>'
            f'</label><label>Hour <select name="hour">{hours}</select></label>'
            '<label>Title <input name="title"></label><button>Save</button></form>'
        )
        return page("Calendar", table(("When", "What"), rows) + form, NAV, note)

    def _files(self) -> Response:
        rows = [
            (escape(name), f'<a href="/files/{escape(name)}">Download {escape(name)}</a>')
            for name in sorted(self.state["files"])
        ]
        return page("Files", table(("Name", ""), rows), NAV)

    def _file(self, name: str) -> Response:
        text = self.state["files"].get(name)
        if text is None:
            return missing(NAV)
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(text, 200, "text/plain; charset=utf-8", headers)

    def _settings(self, method: str, values: dict[str, str]) -> Response:
        settings, note = self.state["settings"], ""
        if method == "POST":
            settings["language"] = values.get("language", settings["language"])
            settings["switches"] = [name for name in SWITCHES if name in values]
            note = "Saved."
        options = "".join(
            f"<option{' selected' if name == settings['language'] else ''}>{name}</option>"
            for name in ("English", "Deutsch", "Français", "한국어")
        )
        boxes = "".join(
            f'<label><input type="checkbox" name="{name}"'
            f"{' checked' if name in settings['switches'] else ''}> {name}</label>"
            for name in SWITCHES
        )
        form = (
            f'<form method="post"><label>Language <select name="language">{options}</select>'
            f"</label>{boxes}<button>Save settings</button></form>"
        )
        return page("Settings", form, NAV, note)
