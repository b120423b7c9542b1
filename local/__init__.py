"""Both servers on this machine, without Kubernetes: for the demo, `make serve`, the measurements and the tests."""
