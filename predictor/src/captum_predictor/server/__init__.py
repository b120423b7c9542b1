"""The server: flags, routes, gRPC, and the service that they ask."""
