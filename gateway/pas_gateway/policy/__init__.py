"""The rules as pure functions: which office may have which item, and why."""
