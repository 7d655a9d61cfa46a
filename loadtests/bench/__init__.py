"""The benchmark (`make bench`): one module for each group of figures. `docs/benchmarks.md` says how to read it."""
