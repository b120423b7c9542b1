"""The steps of query_explain.py that no other command shares."""
