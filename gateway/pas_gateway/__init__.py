"""The PAS gateway: takes in, verifies, decides, seals, routes, follows replies and keeps the evidence."""
