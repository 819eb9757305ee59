"""INTERPOL INT-I codecs: bytes in, typed transaction out, and back. No I/O. docs/inti.md has the modules."""
