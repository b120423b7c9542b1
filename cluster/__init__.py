"""The kind cluster: making it, its images, and waiting until an InferenceService serves."""
