"""Everything between a connection and a route: limits, hang-ups, and errors as our own sentences."""
