"""How records travel and who is who: the log, the directory on disk, the keyring, the workspace."""
