"""The methods, and what they declare and share."""
