"""What cosign stores beside an image: which bytes were signed, and for which image they speak."""
