"""The ways in: each reads a request's body into instances and parameters, and writes the answer that its users know."""
