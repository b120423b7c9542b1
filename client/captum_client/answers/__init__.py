"""Reads and checks the server's answers."""
