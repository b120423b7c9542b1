"""The explainer's side of the predictor: connections, what the model is, and one explanation's calls."""
