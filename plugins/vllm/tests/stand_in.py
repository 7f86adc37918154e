"""The host's own server in vLLM's place: another program that speaks the same protocol, so that the
part is held to its suite with a model that really answers. Takes what the part tells vLLM."""

from __future__ import annotations

import argparse
import os

from agentkit.host import Host
from agentkit.kit import Kit
from agentkit.serve.app import Api
from agentkit.serve.served import Served
from agentkit.serve.server import Server
from agentkit.settings import Settings

parser = argparse.ArgumentParser()
for name in ("--model", "--served-model-name", "--host", "--generation-config", "--max-model-len"):
    parser.add_argument(name)
parser.add_argument("--port", type=int)
told = parser.parse_args()

with Kit(Host.load(), Settings()) as kit:
    kit.define("model", told.served_model_name, use="transformers", model=told.model, threads=1)
    models = Served(kit, [told.served_model_name])
    models.model(told.served_model_name)
    api = Api(models, os.environ["VLLM_API_KEY"])
    Server(api, told.host, told.port, drain=1).serve_here()
