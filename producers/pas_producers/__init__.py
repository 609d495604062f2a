"""Publish: border checks, sealing and appending for forces, prisons and the movements feed."""
