"""Conformance suites, fakes and fixtures for authors of plugins and agents."""
