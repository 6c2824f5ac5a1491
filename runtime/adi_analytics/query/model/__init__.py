"""What an aggregate offers, what an answer holds, and the errors."""
