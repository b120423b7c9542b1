"""The one seam with kserve: how its server is started, and what of it is replaced."""
