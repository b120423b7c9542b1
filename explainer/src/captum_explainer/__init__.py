"""The KServe explainer: Captum, unmodified, on a skeleton of the predictor's model."""
