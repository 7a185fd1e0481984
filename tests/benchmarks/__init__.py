"""Benchmarks: `python -m tests.benchmarks catalog`. Not part of the test run."""
