"""Breaking off what a visit is in the midst of, because of an event that others write meanwhile.

The whole run's cancel stops all nodes; a breaker stops the call under way of one of them, and the
node goes on: what it was about is not wanted any more. Either way a source that is slow to answer
is left to itself: nobody waits for what is not wanted.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from agentkit.capabilities.language_model import Cancel
from agentkit.errors import AgentkitError, BrokenOff
from agentkit.runs.events import Event

if TYPE_CHECKING:
    from agentkit.runs.session import Session

T = TypeVar("T")
GRACE = 0.25  # seconds that a call gets to end by itself, once its flag is set
LOOK = 0.02  # seconds between looks at the flag


class Breaker:
    """Looks at the events after `seen`, and sets `cancel` at the first one that `when` names.

    cancel: is set when the run shall stop, too; `_off` tells of this one alone.
    """

    def __init__(
        self, session: Session, seen: int, kinds: Sequence[str], when: Callable[[Event], bool]
    ) -> None:
        self.cancel = Cancel(session.cancel)
        self._session, self._seen, self._kinds, self._when = session, seen, kinds, when
        self._off = threading.Event()

    def look(self) -> None:
        """By the thread that keeps the lease, again and again."""
        if self._off.is_set():
            return
        store, run = self._session.store, self._session.run
        upto = store.last(run)
        if upto <= self._seen:
            return
        for event in store.tail(run, self._seen, self._kinds, upto):
            with suppress(Exception):  # an event that is not as its kind should be names nothing
                if self._when(event):
                    self.break_off()
        self._seen = upto

    def break_off(self) -> None:
        self._off.set()
        self.cancel.set()

    def attempt(self, do: Callable[[], T]) -> T:
        """What `do` gives, as `leave` has it.

        Raises:
            BrokenOff: the flag was set, before or meanwhile.
        """
        if self._off.is_set():
            raise BrokenOff
        try:
            return leave(self._session, do, self.cancel)
        finally:
            if self._off.is_set():
                raise BrokenOff


def leave(session: Session, do: Callable[[], T], flag: Cancel) -> T:
    """What `do` gives. Once the flag is set it has a moment to end; then it is left to itself, and
    what it gives is dropped.

    Raises:
        RunInterrupted: the whole run shall stop, and did not wait for it.
        BrokenOff: it was left for another reason.
    """
    over, made, raised = threading.Event(), list[Any](), list[BaseException]()

    def work() -> None:
        try:
            made.append(do())
        except BaseException as error:  # raised again by the node's own thread
            raised.append(error)
        finally:
            over.set()

    inside = contextvars.copy_context()
    threading.Thread(target=inside.run, args=(work,), daemon=True, name="breakable").start()
    while not over.wait(LOOK):
        if flag:
            over.wait(GRACE)
            break
    if not over.is_set():
        session.check()
        raise BrokenOff
    if raised:
        raise raised[0]
    result: T = made[0]
    return result


def look_all(breakers: Sequence[Breaker]) -> None:
    """One after the other; a store that is busy is asked again at the next look."""
    for one in breakers:
        with suppress(AgentkitError):
            one.look()
