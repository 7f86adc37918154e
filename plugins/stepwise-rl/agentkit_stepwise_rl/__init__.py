"""A phone agent that gets better from its own runs: step-wise reinforcement, self-evolution."""
