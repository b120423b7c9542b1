"""Measurements of the servers and of what they are made of."""
