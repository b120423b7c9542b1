"""The KServe predictor: it holds the weights, splits a network into stages and answers vector-Jacobian products."""
