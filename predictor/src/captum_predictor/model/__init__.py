"""Model directories: description, weights, architecture and digest."""
