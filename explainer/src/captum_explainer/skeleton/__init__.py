"""The model without its weights: remote segments, and between them local nonlinearities that Captum can rewrite."""
