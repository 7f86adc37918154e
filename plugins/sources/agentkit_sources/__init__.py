"""Folders of documents as sources that agents search."""
