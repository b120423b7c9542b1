"""Train the shipped text model: a small transformer that tells positive texts from negative ones."""
