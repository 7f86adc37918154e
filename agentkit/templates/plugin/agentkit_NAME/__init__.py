"""SUMMARY."""
