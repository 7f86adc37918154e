"""What the readers are measured with."""
