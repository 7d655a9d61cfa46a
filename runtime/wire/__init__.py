"""What processes send each other, and how it is batched on its way."""
