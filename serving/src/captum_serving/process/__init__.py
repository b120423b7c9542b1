"""Settings of the whole process: allocator, niceness, matrix products, metrics."""
