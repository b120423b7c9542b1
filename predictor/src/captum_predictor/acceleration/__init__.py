"""Faster ways to the same numbers, one in each file."""
