"""The name of KServe's AIX explainer: a container's command `python -m aixserver` starts this explainer."""
