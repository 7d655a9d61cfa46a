"""Perdure's engine: decides and does, knowing neither Ray nor HTTP."""
