"""The wire protocols that vendors speak, read and written without an SDK: a room for each.

`dialect.py` says what each of them is, `exchange.py` puts a conversation in the order that all of them accept,
`reply.py` makes our answer of what was read, `lean.py` is the `Model` over them.
"""
