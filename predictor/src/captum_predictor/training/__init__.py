"""Train the two networks that are shipped, on MNIST and Fashion-MNIST."""
