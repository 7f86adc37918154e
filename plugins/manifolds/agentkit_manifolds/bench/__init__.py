"""The experiments: theory of ringing, known answers, a model from scratch, and a real one."""
