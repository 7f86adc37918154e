"""Small sites that live in this process, and tasks on them that are judged by their state."""
