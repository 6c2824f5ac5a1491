"""What happens at the end of the process, and in a forked child."""
