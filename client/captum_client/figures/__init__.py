"""Pictures, drawn with Matplotlib."""
