"""Comparing two states of a cluster's committed output: what was said before, what is said now."""
