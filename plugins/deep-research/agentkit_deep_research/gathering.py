"""Sources that read ahead do it before the plan is made, tell how far they are, and what they could
not read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agentkit.capabilities import Gathering, OnProgress

if TYPE_CHECKING:
    from agentkit.capabilities import Runtime
    from agentkit.kit import Kit

NAMED = 3  # documents of a source that a warning names
_STEPS = 20  # times that a source tells how far it is, for each thing it does


def gather(rt: Runtime, kit: Kit, sources: Sequence[str]) -> None:
    """Lets the sources read what is new in them. One that fails here is left to the search, which
    meets the same fault and tells it."""

    def do() -> dict[str, Any]:
        return {name: notes for name in sources if (notes := _read(rt, kit, name))}

    found = rt.record("gather", {"sources": list(sources)}, do)
    for name, notes in found.items():
        rt.emit("warning", {"text": _warning(name, notes)})


def _read(rt: Runtime, kit: Kit, name: str) -> dict[str, Any]:
    """{count, named: [[document, why]]} of what was not read as it is; {} where all was."""
    try:
        source = kit.source(name)
        if not isinstance(source, Gathering):
            return {}
        rt.progress(f"reading what is new in {name}")
        notes = source.update(on_progress=_teller(rt, name), cancel=rt.cancel).notes
    except Exception:  # whatever a source of somebody's raises
        return {}
    return {"count": len(notes), "named": [list(n) for n in notes[:NAMED]]} if notes else {}


def _teller(rt: Runtime, name: str) -> OnProgress:
    shown: set[tuple[int, int]] = set()

    def tell(done: int, total: int, what: str) -> None:
        share = done / total if total > 0 else 0.0
        step = (total, int(share * _STEPS))
        if step not in shown:
            shown.add(step)
            rt.progress(f"reading {name}, {done} of {total}: {what[-80:]}", share)

    return tell


def _warning(name: str, notes: Mapping[str, Any]) -> str:
    count, named = int(notes["count"]), notes["named"]
    shown = "; ".join(f"{document}: {why}" for document, why in named)
    more = f"; and {count - len(named)} more" if count > len(named) else ""
    several = "documents were" if count > 1 else "document was"
    return f"{count} {several} not read in {name}, or not all of it: {shown}{more}."
