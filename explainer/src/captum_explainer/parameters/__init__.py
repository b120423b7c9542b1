"""The request's parameters: their kinds, and those that several methods share."""
