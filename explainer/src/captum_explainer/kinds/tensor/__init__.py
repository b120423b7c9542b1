"""Models that take tensors of numbers: pictures, and whatever else has one shape."""
