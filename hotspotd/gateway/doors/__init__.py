"""Ways into the gateway besides HTTPS: each brings messages to the reception and takes its replies out."""
