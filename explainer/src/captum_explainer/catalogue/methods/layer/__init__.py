"""Methods that attribute to a layer's output."""
