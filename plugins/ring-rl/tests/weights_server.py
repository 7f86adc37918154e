"""Stands for vLLM in tests of a training that a server draws for, because vLLM wants gigabytes of
packages and an accelerator to take weights. It draws for real: it is the host's own server, over a
model in a process of its own. Its routes for a trainer are those of vLLM that the part `use =
"vllm"` asks; they take weights for real, too, from the file that they are told.

`--notes FILE` gets a line for each thing it is asked to do with its weights.
"""

from __future__ import annotations

import argparse
import os
from functools import partial
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentkit.capabilities import Weights
from agentkit.host import Host
from agentkit.kit import Kit
from agentkit.serve.app import Api
from agentkit.serve.served import Served
from agentkit.serve.server import Server
from agentkit.settings import Settings

STATE: dict[str, Any] = {"version": None, "connected": False, "loads": 0, "draws": 0}


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("model", "served-model-name", "host", "generation-config", "notes"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--port", type=int)
    parser.add_argument("--die-at", type=int, default=0, help="the draw at which it ends, once")
    told = parser.parse_args()

    def note(line: str) -> None:
        with open(told.notes or os.devnull, "a") as file:
            file.write(line + "\n")

    async def control(kit: Kit, request: Request) -> Response:
        route, content = request.url.path, await request.body()
        asked = await request.json() if content else {}
        if route == "/weight_info":
            return JSONResponse({"weight_version": STATE["version"]})
        if route == "/init_weight_transfer_engine":
            STATE["connected"] = True
        elif route == "/start_weight_update" and not STATE["connected"]:
            return JSONResponse({"error": {"message": "not initialised"}}, 500)
        elif route == "/update_weights":
            (file,) = Path(asked["update_info"]["path"]).glob("*.safetensors")
            STATE["loads"] += 1
            weights = kit.model(told.served_model_name).ability(Weights)
            load = partial(weights.load, load_file(str(file)), version=STATE["loads"])
            await run_in_threadpool(load)
        elif route == "/finish_weight_update":
            STATE["version"] = asked["weight_version"]
        note(f"{route[1:]} {STATE['version']}")
        return JSONResponse({})

    with Kit(Host.load(), Settings()) as kit:
        name = told.served_model_name
        kit.define("model", name, use="transformers", model=told.model, dtype="fp32", threads=1)
        models = Served(kit, [name])
        models.model(name)
        api = Api(models, os.environ["VLLM_API_KEY"])
        routes = ("weight_info", "pause", "resume", "sleep", "wake_up", "start_weight_update")
        for route in (
            *routes, "update_weights", "finish_weight_update", "init_weight_transfer_engine"
        ):  # fmt: skip
            handler = partial(control, kit)
            api.app.router.routes.append(Route(f"/{route}", handler, methods=["GET", "POST"]))
        app = api.app

        async def counted(scope: Any, receive: Any, send: Any) -> None:
            """Ends the whole process in the middle of a draw, as a kill does."""
            if scope.get("path") == "/v1/completions" and told.die_at:
                STATE["draws"] += 1
                if STATE["draws"] == told.die_at and not Path(told.notes + ".died").exists():
                    Path(told.notes + ".died").touch()
                    os._exit(9)
            await app(scope, receive, send)

        api.app = counted  # type: ignore[assignment]
        Server(api, told.host, told.port, drain=1).serve_here()


main()
