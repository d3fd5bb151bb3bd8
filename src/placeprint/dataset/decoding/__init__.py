"""One untrusted image file to upright RGB pixels, within limits of memory and time."""
