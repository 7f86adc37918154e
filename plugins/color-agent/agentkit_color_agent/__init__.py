"""ColorAgent: from a sentence to a finished task on a phone. See the README."""
