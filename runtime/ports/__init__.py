"""What the engine and tools need from outside, a file for each outside thing. Adapters implement it; tests fake it."""
