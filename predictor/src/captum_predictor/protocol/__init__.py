"""V2 inference with the gradient extension: reads requests and writes responses."""
