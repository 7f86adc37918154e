"""Every configured model as an OpenAI-compatible HTTP API; `agentkit serve` starts it.

`work` runs blocking models below an event loop, within limits; `answers` writes what they say in
OpenAI's form; `faults` says errors in it; `app` is the routes, `server` the process around them.
"""
