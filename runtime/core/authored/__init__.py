"""What people author: its shape, its life, and what its layers together allow."""
