"""Methods that attribute one neuron's value to the input."""
