"""The benchmark of a big cluster (`make bench-cluster`): the real supervisor, over a Ray that is played.

Beside `chaos.mine` the only part of `loadtests` that knows the product: no single machine has two hundred nodes.
"""
