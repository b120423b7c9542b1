"""Train the text model that is shipped: a small transformer that tells glad snippets of text from sad ones."""
