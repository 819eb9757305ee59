"""Image in, template and score out. Knows no devices, no database, no network."""
