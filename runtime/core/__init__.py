"""The pure core: no clock, no chance, no I/O, no concurrency. Everything here is a function of its arguments."""
