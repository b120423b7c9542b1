"""Terminal input and output: arguments, tables, colours, the spinner."""
