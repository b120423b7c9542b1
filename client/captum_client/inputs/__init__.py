"""What is explained: images."""
