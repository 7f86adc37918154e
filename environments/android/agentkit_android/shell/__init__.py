"""A small sh over the phone's own files and programs. Nothing reaches the host's shell."""
