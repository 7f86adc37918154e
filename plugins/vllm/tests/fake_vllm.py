"""Stands for vLLM's server in tests of what surrounds it.

A fake, because vLLM wants gigabytes of packages and minutes to start. Its answers are those that
vLLM 0.32.0 (the CPU build, SmolLM2-135M; for the one that thinks the parser "granite") gave when it
was asked. Prompts that begin with "please" make it misbehave.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "recorded.json").read_text())
KEY = f"Bearer {os.environ['VLLM_API_KEY']}"
STATE: dict[str, Any] = {"asleep": False, "paused": False, "version": "default", "well": True}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path.startswith("/v1") and self.headers.get("Authorization") != KEY:
            return self.say(401, RECORDED["unauthorized"])
        if self.path == "/health":
            return self.say(200 if STATE["well"] else 503, "")
        if self.path == "/v1/models":
            models = json.loads(RECORDED["models"])
            models["data"][0]["id"] = OPTIONS.served_model_name
            return self.say(200, json.dumps(models))
        known = {
            "/is_sleeping": {"is_sleeping": STATE["asleep"]},
            "/is_paused": {"is_paused": STATE["paused"]},
            "/weight_info": {"weight_version": STATE["version"]},
        }
        if self.path in known and os.environ.get("VLLM_SERVER_DEV_MODE") == "1":
            return self.say(200, json.dumps(known[self.path]))
        self.say(404, '{"detail":"Not Found"}')

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = json.loads(content) if content else {}
        if self.path == "/v1/chat/completions":
            if self.headers.get("Authorization") != KEY:
                return self.say(401, RECORDED["unauthorized"])
            return self.chat(asked)
        if self.path == "/tokenize":
            return self.say(200, RECORDED["tokenize"])
        if os.environ.get("VLLM_SERVER_DEV_MODE") != "1":
            return self.say(404, '{"detail":"Not Found"}')
        route = self.path.partition("?")[0]
        if route == "/sleep":
            STATE["asleep"] = True
        elif route == "/wake_up":
            STATE["asleep"] = False
        elif route in ("/pause", "/resume"):
            STATE["paused"] = route == "/pause"
        elif route == "/start_weight_update" and not STATE.get("connected"):
            return self.say(500, RECORDED["no weight transfer"])
        elif route == "/init_weight_transfer_engine":
            STATE["connected"] = asked["init_info"]
        elif route == "/update_weights":
            STATE["update"] = asked["update_info"]
        elif route == "/finish_weight_update":
            STATE["version"] = asked["weight_version"]
        self.say(200, "{}")

    def chat(self, asked: dict[str, Any]) -> None:
        said = asked["messages"][-1]["content"]
        if said == "please die":
            self.stream(RECORDED["chat"][:400])
            os._exit(9)
        if said == "please hang":
            STATE["well"] = False
            time.sleep(3600)
        if len(said) > 2000:
            return self.say(400, RECORDED["overflow"])
        thinks = said.startswith("please think")
        self.stream(RECORDED["thinking" if thinks else "chat"])
        self.wfile.write(b"0\r\n\r\n")

    def stream(self, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        data = text.encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def say(self, status: int, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for name in ("--model", "--served-model-name", "--host", "--generation-config", "--notes"):
        parser.add_argument(name)
    for name in ("--port", "--max-model-len", "--max-logprobs"):
        parser.add_argument(name, type=int)
    parser.add_argument("--enable-sleep-mode", action="store_true")
    return parser.parse_args()


OPTIONS = options()
if __name__ == "__main__":
    if OPTIONS.model == "broken":
        sys.exit("ValueError: the model 'broken' has no config.json")
    if OPTIONS.model == "slow":
        time.sleep(3600)
    if OPTIONS.notes:  # each start leaves a line: who, and what it was told
        told = {"pid": os.getpid(), "argv": sys.argv[1:], "python": os.environ.get("PYTHONPATH")}
        with open(OPTIONS.notes, "a") as file:
            file.write(json.dumps(told) + "\n")
    ThreadingHTTPServer(("127.0.0.1", OPTIONS.port), Handler).serve_forever()
