"""The model as named stages, and the segments between them."""
