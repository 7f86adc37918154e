"""A vLLM server in an environment of its own, as a model of the kit.

`process` runs the server and keeps it well, `control` is what a training engine asks of it, `model`
is the part. vLLM itself is never imported: its pins clash with the host's.
"""
