"""Lookahead routing: picks a model for a request by foreseeing each candidate's answer.

Huang et al., "Lookahead Routing for Large Language Models", NeurIPS 2025, arXiv 2510.19506.
"""
