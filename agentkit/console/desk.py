"""What all routes of the console share: the kit, the store, and what is kept of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from agentkit.console.fold import Folds, facts
from agentkit.console.journal import Journal
from agentkit.console.lists import Lists
from agentkit.console.offers import Offers
from agentkit.console.starting import Starter
from agentkit.console.uploads import Uploads
from agentkit.files import data_dir
from agentkit.kit import Kit

KITS = 4  # kits of runs whose documents were opened last


class Desk:
    """config, options: as the command line was given them, for the processes of runs.
    results: the folder of measured results, None where there is none."""

    def __init__(
        self,
        kit: Kit,
        *,
        config: str | None = None,
        options: Sequence[str] = (),
        results: Path | None = None,
    ) -> None:
        self.kit, self.store, self.results = kit, kit.runs, results
        folder = (kit.settings.host.store or data_dir() / "runs").expanduser() / "console"
        self.live = folder / "runs"
        self.prices = kit.settings.host.prices
        self.folds = Folds(self.store, self.prices)
        self.lists = Lists(self.store)
        self.journal = Journal(folder / "journal.db")
        self.uploads = Uploads(folder / "uploads")
        self.starter = Starter(kit, self.live, config, options)
        self.views = Offers(kit, self.store, self.folds)
        self.threads: dict[str, str] = {}  # of AG-UI clients, with the run that each is
        self._kits: OrderedDict[str, Kit] = OrderedDict()
        self._lock = Lock()

    def close(self) -> None:
        self.starter.nursery.close()
        for made in self._kits.values():
            made.close()
        self.journal.close()

    def snapshot(self, run: str) -> dict[str, Any]:
        """The state of a run and how far it is, as it goes out."""
        fold = self.folds.get(run)
        row = self.store.get(run)
        with fold.lock:
            state = {name: _copied(part) for name, part in fold.tree.root.items()}
            return {"id": run, "seq": fold.seq, "state": {**state, "run": facts(row)}}

    def kit_of(self, run: str) -> Kit:
        """A kit that holds the parts of a run as they were when it began."""
        with self._lock:
            made = self._kits.pop(run, None)
            if made is None:
                row = self.store.get(run)
                made = Kit.from_recipe(row.recipe, self.kit.host)
                made.part("agent", row.agent)  # it may declare sources of its own
            self._kits[run] = made
            while len(self._kits) > KITS:
                self._kits.popitem(last=False)[1].close()
            return made


def _copied(part: Any) -> Any:
    """Objects are changed in place by the fold, leaves are not."""
    return dict(part) if isinstance(part, Mapping) else part
