"""The server: flags, routes, and the service that they ask."""
