"""Attributions as a picture: the looks of Captum's `visualize_image_attr`, without pyplot, in bytes that repeat."""
