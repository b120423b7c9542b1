"""Faster ways to the same numbers, one a file."""
