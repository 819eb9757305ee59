"""Machine readable zones out of camera pictures: picture in, lines out. Knows no device, database or network."""
