"""Language models and what they stand on.

A module here is a part: `transformers` (in this process), `openai` (behind an endpoint),
`embedder`, and `context` (what fits into a prompt), with their `settings`. `weights` lends those of
any torch module, for parts that have one of their own. What they are made of:

    files/   from a name to a folder of weights: catalog, fetch, verified copies, GGUF, loading
    engine/  token-level generation with exact likelihoods, in batches
    text/    chat templates, tool calls, grammars, text while it is written
    http/    the wire format of endpoints, and their faults
"""
