"""Measurements: `python -m bench` lists them. Each module here is one, and its docstring's first line says what of."""
