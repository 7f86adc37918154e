"""A model of the same shape that is small enough to be trained on a processor, and is shipped."""
