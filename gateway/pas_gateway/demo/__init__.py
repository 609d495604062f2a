"""The demo: a whole working system in a folder, a story told in it, and checks that it was told rightly."""
