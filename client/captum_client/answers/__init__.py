"""The server's answers, checked and read."""
