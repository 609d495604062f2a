"""Keys, seals, signatures and trees: the one place that uses cryptographic primitives."""
