"""Self-evolving training (arXiv 2510.19386, section 3.2): rollouts, filters, people, training."""
