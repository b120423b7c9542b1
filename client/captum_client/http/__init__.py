"""Requests to the explainer."""
