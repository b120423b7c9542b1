"""Settings for the whole process: allocator, niceness, matrix products, metrics."""
