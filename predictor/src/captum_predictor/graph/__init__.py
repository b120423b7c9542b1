"""The model as the parts that can be asked for."""
