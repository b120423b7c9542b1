"""A model directory: its description, weights, architecture and digest."""
