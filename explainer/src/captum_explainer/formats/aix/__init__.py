"""KServe's AIX explainer: its requests, and its masks and words."""
