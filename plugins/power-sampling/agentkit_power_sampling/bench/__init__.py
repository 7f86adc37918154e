"""The experiments: `table` and `tiny` where everything can be counted, `speed`, and real tasks."""
