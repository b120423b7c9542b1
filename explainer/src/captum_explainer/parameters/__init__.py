"""A request's parameters: how they are checked, and those that several methods share."""
