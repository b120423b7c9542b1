"""Sends requests to the explainer."""
