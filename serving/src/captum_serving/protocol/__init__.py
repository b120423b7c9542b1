"""The Open Inference Protocol (V2) on the wire."""
