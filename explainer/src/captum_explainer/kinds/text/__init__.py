"""Explanations of texts: by the embeddings of their tokens, or by their words, of which some are left out."""
