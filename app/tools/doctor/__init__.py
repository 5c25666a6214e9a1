"""Look at an installation, and say of each part whether it is well and how to cure it if not."""
