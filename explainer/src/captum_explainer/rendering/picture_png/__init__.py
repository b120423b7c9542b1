"""Attributions as a PNG: pictures side by side, with titles and colour bars."""
