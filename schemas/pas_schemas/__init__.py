"""What is said: the records, the words, the seals and the reference tables. Pure: no I/O but package data."""
