"""The way out: for what a model or a tool has us ask, which must lead nowhere inside."""
