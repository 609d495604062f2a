"""The records as people and programs hold them: frozen models whose repr never shows content."""
