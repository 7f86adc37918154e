"""What a training engine asks of the server: to sleep, to pause, to take new weights.

These are vLLM's own routes for it (`VLLM_SERVER_DEV_MODE`); how tensors travel, by NCCL or shared
memory, is agreed between the trainer and vLLM in `init_info` and `update_info`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import httpx

from agentkit.errors import BackendUnavailable, UsageError
from agentkit.models.http.wire import fault_text

SLOW = 600.0  # seconds: weights move


class Control:
    """Of one server.

    Args:
        url: gives the server's address, starting it where need be.
        open: whether the settings opened these routes.
    """

    def __init__(self, name: str, url: Callable[[], str], key: str, *, open: bool) -> None:
        self._name, self._url, self._open = name, url, open
        # One client: each new one reads all certificates, which takes longer than these requests.
        # No connection is kept, as the server may be another one by the next request.
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {key}"},
            timeout=SLOW,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def sleep(self, level: Literal[1, 2] = 1) -> None:
        """Gives the accelerator's memory back. Level 1 keeps the weights in the machine's memory,
        level 2 forgets them. What is being answered is broken off."""
        self._post("sleep", params={"level": level})

    def wake(self, tags: Sequence[Literal["weights", "kv_cache"]] = ()) -> None:
        """Takes the memory again: all, or first that for new weights."""
        self._post("wake_up", params={"tags": list(tags)} if tags else {})

    def asleep(self) -> bool:
        return bool(self._get("is_sleeping")["is_sleeping"])

    def pause(self, mode: Literal["abort", "wait", "keep"] = "keep") -> None:
        """Nothing is generated until `resume`. Answers under way are broken off, waited for, or
        kept where they are."""
        self._post("pause", params={"mode": mode})

    def resume(self) -> None:
        self._post("resume")

    def paused(self) -> bool:
        return bool(self._get("is_paused")["is_paused"])

    def connect_weights(self, init_info: Mapping[str, Any]) -> None:
        """Both sides agree on how tensors travel, once."""
        self._post("init_weight_transfer_engine", json={"init_info": dict(init_info)})

    def update_weights(self, update_info: Mapping[str, Any], *, version: str = "") -> None:
        """New weights, from where `connect_weights` agreed. Pause before, so that no answer is half
        from the old ones, or keep `version` beside each answer."""
        self._post("start_weight_update")
        self._post("update_weights", json={"update_info": dict(update_info)})
        self._post("finish_weight_update", json={"weight_version": version or None})

    def weights_version(self) -> str:
        """What the last update called itself; "" before the first."""
        return str(self._get("weight_info")["weight_version"] or "")

    def close(self) -> None:
        self._client.close()

    def _get(self, route: str) -> Any:
        return self._ask("GET", route).json()

    def _post(self, route: str, **content: Any) -> None:
        self._ask("POST", route, **content)

    def _ask(self, method: str, route: str, **content: Any) -> httpx.Response:
        if not self._open:
            raise UsageError(
                f"models.{self._name}: the server takes no {route!r}", "set control = true"
            )
        try:
            answer = self._client.request(method, f"{self._url()}/{route}", **content)
        except httpx.HTTPError as error:
            raise BackendUnavailable(
                f"models.{self._name}: {route}: {error or type(error).__name__}",
                "it is started again at the next request",
            ) from error
        if answer.status_code != 200:
            raise BackendUnavailable(
                f"models.{self._name}: {route}: HTTP {answer.status_code}: "
                f"{fault_text(answer.text)}",
                "see vLLM's page on what this platform can do",
            )
        return answer
