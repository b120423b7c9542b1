"""What query_explain.py alone does."""
