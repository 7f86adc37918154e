"""Agents on a phone: a plain one by a language model, and three to measure others against."""
