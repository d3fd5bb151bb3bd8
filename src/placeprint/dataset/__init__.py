"""Photos to manifest: find the images, read the labels, look for what is wrong with them."""
