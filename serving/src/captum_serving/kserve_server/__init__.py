"""The only place that touches kserve: starts its server, with some parts replaced by ours."""
