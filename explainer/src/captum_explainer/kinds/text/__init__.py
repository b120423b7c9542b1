"""Explains texts: through the embeddings of their tokens, or by leaving out words."""
