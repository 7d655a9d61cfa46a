"""Adapters to language models: every vendor through pydantic-ai, and the simulated model that needs none.

`vendors.py` is the table of vendors, `catalogue.py` what this server offers, `router.py` the one `Model`
that the engine is given. Nothing here imports pydantic-ai before a vendor's model is used: it takes
seconds to load.
"""
