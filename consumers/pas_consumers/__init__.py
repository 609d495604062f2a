"""Receive: an office's inbox, which verifies before it opens and answers for what it read."""
