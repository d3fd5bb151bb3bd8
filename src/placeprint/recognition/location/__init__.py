"""Where a photo was taken, by what it shows: an estimate with an error radius, or none."""
