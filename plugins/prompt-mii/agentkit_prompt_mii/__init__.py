"""Prompt-MII: one forward pass from labelled examples to an instruction (arXiv 2510.16932)."""
