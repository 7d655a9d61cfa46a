"""Workspace files: paths, content, search and exact edits, and how much there may be (docs/wire.md, "Files")."""
