"""The request formats: each reads a body into instances and parameters, and writes the answer that its users know."""
