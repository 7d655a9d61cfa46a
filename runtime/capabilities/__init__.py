"""The capabilities that come along, one file each (contract concepts §7); `catalogue.py` lists them."""
