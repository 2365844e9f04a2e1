"""Benchmarks: every speed is a ratio, measured in one run against a bare floor. Run by `make bench`."""
