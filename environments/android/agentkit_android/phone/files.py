"""The phone's file system: kept in memory, and no way out of it.

Errors are `OSError` with the numbers and texts of Linux, as the commands over it print them.
"""

from __future__ import annotations

import errno
import itertools
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

ROOT_UID, SHELL_UID = 0, 2000
CAPACITY = 256 << 20
"""Bytes that all files together may hold."""
MAX_LINKS = 16


class Live(Protocol):
    """A file that is made of something else when it is read."""

    def content(self) -> bytes: ...

    def restore(self, content: bytes) -> None:
        """Raises:
        ValueError: it cannot be made of these bytes.
        """
        ...


@dataclass(slots=True)
class Node:
    """A file (content, or live), a folder (children) or a symbolic link (target)."""

    mode: int
    mtime: int
    inode: int
    uid: int = SHELL_UID
    content: bytes = b""
    target: str = ""
    children: dict[str, Node] = field(default_factory=dict)
    live: Live | None = None

    def data(self) -> bytes:
        return self.live.content() if self.live else self.content

    def copy(self) -> Node:
        """Everything below too, but what is live. Contents are shared: nothing changes bytes."""
        made = Node(self.mode, self.mtime, self.inode, self.uid, self.content, self.target)
        made.children = {n: c.copy() for n, c in self.children.items() if c.live is None}
        return made


@dataclass(frozen=True, slots=True)
class Stat:
    """mode: with the type's bits. size: bytes. mtime: seconds since 1970, UTC."""

    mode: int
    size: int
    mtime: int
    inode: int
    uid: int
    target: str = ""

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.mode)


def fault(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)


def parts_of(path: str) -> list[str]:
    return [p for p in path.split("/") if p and p != "."]


class Files:
    """Args:
    now: the phone's clock, in seconds since 1970.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._inodes = itertools.count(2)
        self._used = 0
        self._root = Node(stat.S_IFDIR | 0o755, now(), 1, ROOT_UID)

    @property
    def room(self) -> int:
        """Bytes that are free."""
        return CAPACITY - self._used

    # Looking.

    def stat(self, path: str, *, follow: bool = True) -> Stat:
        return _stat(self._find(path, follow=follow))

    def exists(self, path: str) -> bool:
        try:
            self._find(path)
        except OSError:
            return False
        return True

    def is_folder(self, path: str) -> bool:
        return self.exists(path) and self.stat(path).is_folder

    def list(self, path: str) -> list[tuple[str, Stat]]:
        """(name, stat) of what a folder holds, by name; links are not followed."""
        node = self._find(path)
        if not stat.S_ISDIR(node.mode):
            raise fault(errno.ENOTDIR, path)
        return [(name, _stat(child)) for name, child in sorted(node.children.items())]

    def read(self, path: str) -> bytes:
        node = self._find(path)
        if stat.S_ISDIR(node.mode):
            raise fault(errno.EISDIR, path)
        return node.data()

    def walk(self, path: str) -> Iterator[tuple[str, Stat]]:
        """The path and everything below, a folder before what it holds."""
        yield path, self.stat(path, follow=False)
        if self.stat(path, follow=False).is_folder:
            for name, _ in self.list(path):
                yield from self.walk(f"{path.rstrip('/')}/{name}")

    # Changing.

    def write(
        self,
        path: str,
        content: bytes,
        *,
        mode: int = 0o644,
        mtime: int | None = None,
        append: bool = False,
    ) -> None:
        """Makes a file or changes what it holds; the folder must be there."""
        when = self._now() if mtime is None else mtime
        parent, name = self._parent(path)
        node = parent.children.get(name)
        hops = 0
        while node is not None and stat.S_ISLNK(node.mode):
            hops += 1
            if hops > MAX_LINKS:
                raise fault(errno.ELOOP, path)
            path = _beside(path, node.target)
            parent, name = self._parent(path)
            node = parent.children.get(name)
        if node is not None and not stat.S_ISREG(node.mode):
            if stat.S_ISCHR(node.mode):
                return  # /dev/null
            raise fault(errno.EISDIR, path)
        if node is not None and node.live:
            try:
                node.live.restore(node.data() + content if append else content)
            except ValueError:
                raise fault(errno.EINVAL, path) from None
            return
        old = len(node.content) if node else 0
        new = len(content) + (old if append else 0)
        if new - old > self.room:
            raise fault(errno.ENOSPC, path)
        if node is None:
            node = Node(stat.S_IFREG | mode, when, next(self._inodes))
            parent.children[name] = node
        node.content = node.content + content if append else content
        node.mtime = when
        self._used += new - old

    def make_folder(
        self, path: str, *, parents: bool = False, mode: int = 0o755, uid: int = SHELL_UID
    ) -> None:
        if parents:
            folder = ""
            for part in parts_of(path):
                folder = f"{folder}/{part}"
                if not self.is_folder(folder):
                    self.make_folder(folder, mode=mode, uid=uid)
            return
        parent, name = self._parent(path)
        if name in parent.children:
            raise fault(errno.EEXIST, path)
        parent.children[name] = Node(stat.S_IFDIR | mode, self._now(), next(self._inodes), uid)

    def link(self, path: str, target: str) -> None:
        """A symbolic link."""
        parent, name = self._parent(path)
        if name in parent.children:
            raise fault(errno.EEXIST, path)
        node = Node(stat.S_IFLNK | 0o777, self._now(), next(self._inodes), target=target)
        parent.children[name] = node

    def mount(self, path: str, live: Live, uid: int = ROOT_UID) -> None:
        """A file that is something else; it stays when the folder is restored."""
        parent, name = self._parent(path)
        node = Node(stat.S_IFREG | 0o660, self._now(), next(self._inodes), uid, live=live)
        parent.children[name] = node

    def device(self, path: str) -> None:
        """Something that is written to in vain and read as empty."""
        parent, name = self._parent(path)
        parent.children[name] = Node(
            stat.S_IFCHR | 0o666, self._now(), next(self._inodes), ROOT_UID
        )

    def remove(self, path: str, *, recursive: bool = False) -> None:
        parent, name = self._parent(path)
        node = parent.children.get(name)
        if node is None:
            raise fault(errno.ENOENT, path)
        if stat.S_ISDIR(node.mode) and not recursive:
            raise fault(errno.EISDIR, path)
        if _lives(node):
            raise fault(errno.EPERM, path)
        self._used -= _size(node)
        del parent.children[name]

    def rename(self, old: str, new: str) -> None:
        source, name = self._parent(old)
        node = source.children.get(name)
        if node is None:
            raise fault(errno.ENOENT, old)
        target, fresh = self._parent(new)
        if _lives(node) or _lives(target.children.get(fresh)):
            raise fault(errno.EPERM, old)
        if _holds(node, target):
            raise fault(errno.EINVAL, old)
        there = target.children.get(fresh)
        if there is node:
            return
        if there is not None:
            if stat.S_ISDIR(there.mode) and (there.children or not stat.S_ISDIR(node.mode)):
                raise fault(errno.ENOTEMPTY if there.children else errno.EISDIR, new)
            self._used -= _size(there)
        del source.children[name]
        target.children[fresh] = node

    def change(self, path: str, *, mode: int | None = None, mtime: int | None = None) -> None:
        node = self._find(path)
        if mode is not None:
            node.mode = stat.S_IFMT(node.mode) | mode & 0o7777
        if mtime is not None:
            node.mtime = mtime

    # Keeping.

    def copy(self) -> Node:
        """Everything, as it is now."""
        return self._root.copy()

    def restore(self, root: Node) -> None:
        """Becomes a copy that was made before; what is mounted stays, where its folder does."""
        mounted = list(_mounted("", self._root))
        self._root = root.copy()
        self._used = _size(self._root)
        self._inodes = itertools.count(max(n.inode for n in _all(self._root)) + len(mounted) + 1)
        for path, node in mounted:
            if self.exists(path.rpartition("/")[0]):
                parent, name = self._parent(path)
                parent.children[name] = node

    # Paths.

    def _find(self, path: str, *, follow: bool = True, hops: int = 0) -> Node:
        """`..` of the root is the root."""
        if not path:
            raise fault(errno.ENOENT, path)
        if "\0" in path or len(path) > 4096:
            raise fault(errno.EINVAL if "\0" in path else errno.ENAMETOOLONG, path)
        trail: list[tuple[str, Node]] = []
        parts = parts_of(path)
        while parts:
            part = parts.pop(0)
            here = trail[-1][1] if trail else self._root
            if not stat.S_ISDIR(here.mode):
                raise fault(errno.ENOTDIR, path)
            if part == "..":
                trail = trail[:-1]
                continue
            node = here.children.get(part)
            if node is None:
                raise fault(errno.ENOENT, path)
            if stat.S_ISLNK(node.mode) and (follow or parts):
                hops += 1
                if hops > MAX_LINKS:
                    raise fault(errno.ELOOP, path)
                trail = [] if node.target.startswith("/") else trail
                parts = parts_of(node.target) + parts
                continue
            trail.append((part, node))
        return trail[-1][1] if trail else self._root

    def _parent(self, path: str) -> tuple[Node, str]:
        parts = parts_of(path)
        if not parts or parts[-1] == "..":
            raise fault(errno.EEXIST if path else errno.ENOENT, path)
        try:
            size = len(parts[-1].encode("utf-8", "surrogateescape"))
        except UnicodeEncodeError:  # a lone surrogate, which no bytes give
            raise fault(errno.EILSEQ, path) from None
        if size > 255:
            raise fault(errno.ENAMETOOLONG, path)
        node = self._find("/" + "/".join(parts[:-1]))
        if not stat.S_ISDIR(node.mode):
            raise fault(errno.ENOTDIR, path)
        return node, parts[-1]


def _stat(node: Node) -> Stat:
    size = len(node.target) if stat.S_ISLNK(node.mode) else len(node.data())
    if stat.S_ISDIR(node.mode):
        size = 4096
    return Stat(node.mode, size, node.mtime, node.inode, node.uid, node.target)


def _size(node: Node) -> int:
    return len(node.content) + sum(map(_size, node.children.values()))


def _holds(node: Node, other: Node) -> bool:
    return node is other or any(_holds(child, other) for child in node.children.values())


def _beside(path: str, target: str) -> str:
    """What a link at `path` leads to."""
    return target if target.startswith("/") else f"{path.rpartition('/')[0]}/{target}"


def _all(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children.values():
        yield from _all(child)


def _lives(node: Node | None) -> bool:
    return node is not None and any(n.live for n in _all(node))


def _mounted(path: str, node: Node) -> Iterator[tuple[str, Node]]:
    for name, child in node.children.items():
        if child.live:
            yield f"{path}/{name}", child
        else:
            yield from _mounted(f"{path}/{name}", child)
