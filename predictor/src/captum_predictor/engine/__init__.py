"""Computes values and vector-Jacobian products in chunks, on lanes."""
