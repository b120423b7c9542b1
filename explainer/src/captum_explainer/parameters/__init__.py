"""The request's parameters: their kinds, those that methods share, and how a request's are resolved."""
