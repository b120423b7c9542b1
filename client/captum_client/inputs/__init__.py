"""Reads the images to explain."""
