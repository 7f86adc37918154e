"""From a name in the settings to weights in memory: catalog, fetch, verified copies, GGUF."""
