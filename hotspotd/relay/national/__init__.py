"""How a national repository keeps the gateway's copy of it up to date, as WISDM does: signed, numbered deltas."""
