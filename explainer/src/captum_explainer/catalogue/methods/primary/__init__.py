"""Attribution methods, one a file: a file's name is its method's name, and adding a method is adding a file."""
