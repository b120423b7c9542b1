"""Draws explanations with Matplotlib."""
