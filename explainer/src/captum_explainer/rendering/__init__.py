"""Attributions as pictures, like Captum's `visualize_image_attr` but without pyplot, and as HTML for texts."""
