"""What a camera wrote beside the picture: where and when it was taken, and with what."""
