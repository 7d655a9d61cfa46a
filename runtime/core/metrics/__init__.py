"""What is counted, and what becomes of it: one table of numbers, histograms of fixed bounds, a ring of points."""
