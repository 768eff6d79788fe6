"""What the functions ask of the outside world, one protocol per module with the values it speaks."""
