"""The hit desk: where a bureau's officer looks at hits, and confirms or rejects them."""
