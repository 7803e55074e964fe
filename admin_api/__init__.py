"""The examination office's service; nothing here yet."""
