"""The schemas of tools, as each vendor wants them."""
