"""Methods that attribute to the input. A file is named after its method: to add a method, add a file."""
