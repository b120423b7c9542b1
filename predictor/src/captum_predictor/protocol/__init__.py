"""V2 inference with the gradient extension: from a message to what is computed, and back."""
