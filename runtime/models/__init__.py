"""Adapters to language models: every vendor in its own protocol, and the simulated model that needs none.

`vendors.py` is the table of vendors, `catalogue.py` what this server offers, `router.py` the one `Model` that the
engine is given, `dialects` what it speaks. Lists of models, and a vendor whose protocol is no dialect, need
pydantic-ai: nothing here imports it before that, for it takes seconds to load.
"""
