"""Reinforcement learning that stays stable and keeps its machines busy (Ring-1T, arXiv 2510.18855).

`losses`, `masks`, `advantages` and `gaps` are torch alone and can be taken into other trainers.
"""
