"""Recipes: a book with categories, amounts for any number of people, and a shopping list."""

from __future__ import annotations

from agentkit_android.apps.recipes import book, changing
from agentkit_android.apps.recipes.app import APP

__all__ = ["APP", "book", "changing"]
