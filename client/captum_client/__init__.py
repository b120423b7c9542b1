"""Shared code of the client's commands. Each folder imports only from the folders below it.

query       what only query_explain.py does
figures     pictures of explanations (Matplotlib)
terminal    text output, the progress spinner and the argument parser
answers     reads and checks the server's answers
inputs      the images to explain
http        requests to the explainer

`errors` and `printable` import nothing and may be used everywhere.
"""
