"""A predictor that knows nothing of gradients: a random forest of digits behind kserve's V1 protocol."""
