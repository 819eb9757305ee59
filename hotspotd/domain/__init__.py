"""Pure data and rules: no I/O, nothing heavy. Everything here can be used without a daemon."""
