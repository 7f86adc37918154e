"""Answer a question from a folder of documents; every quote is checked against its source."""

from pathlib import Path

import agentkit

MANUAL = Path(__file__).resolve().parent / "corpora" / "sqlite"

with agentkit.load() as kit:
    kit.define("source", "manual", use="folder", path=str(MANUAL))
    kit.define("agent", "reader", use="deep-research", sources=["manual"])
    run = kit.agent("reader").run("How are Boolean values stored, and how are dates stored?")
    for event in run:
        if event.kind == "todo.changed":
            print(f"[{event.data['status']}] {event.data['title']}")
    print(run.result.report)
