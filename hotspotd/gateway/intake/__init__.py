"""National repositories at the gateway: what their owners submit is checked, kept, and given on to the watchlist."""
