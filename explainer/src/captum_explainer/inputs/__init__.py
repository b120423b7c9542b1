"""A request's instances, baselines and targets as tensors."""
