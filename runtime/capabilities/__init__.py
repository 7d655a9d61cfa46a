"""The capabilities that come along, one file each; `catalogue.py` lists them."""
