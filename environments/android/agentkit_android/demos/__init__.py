"""Demonstrations of the experts, as examples that a policy learns from."""
