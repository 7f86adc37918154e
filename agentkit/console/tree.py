"""A tree of objects that remembers when each of its leaves was last set, so that whoever has seen
it at one time can be brought to another: `since`. Applying the same changes twice is no harm."""

from __future__ import annotations

from typing import Any

from agentkit.leaves import set_leaf

Path = tuple[str, ...]
Change = tuple[Path, Any]


class Tree:
    """Nested dicts. Leaves are replaced whole and must not be changed afterwards."""

    def __init__(self) -> None:
        self.root: dict[str, Any] = {}
        self._set: dict[Path, int] = {}  # path -> seq of its last change; the latest stand last

    def get(self, *path: str) -> Any:
        """The leaf or object there, None where there is none."""
        found: Any = self.root
        for key in path:
            if not isinstance(found, dict) or key not in found:
                return None
            found = found[key]
        return found

    def children(self, *path: str) -> dict[str, Any]:
        """The object there, empty where there is none. Not to be changed."""
        found = self.get(*path)
        return found if isinstance(found, dict) else {}

    def set(self, seq: int, path: Path, value: Any) -> None:
        """Sets a leaf; None takes it away."""
        set_leaf(self.root, path, value)
        self._set.pop(path, None)
        self._set[path] = seq

    def since(self, after: int, upto: int) -> list[Change]:
        """What was last set after one event and not after another, in order, as it is now."""
        found: list[Change] = []
        for path in reversed(self._set):
            seq = self._set[path]
            if seq <= after:
                break
            if seq <= upto:
                found.append((path, self.get(*path)))
        return found[::-1]
