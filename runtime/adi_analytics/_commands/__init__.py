"""What the installed commands start: each checks what its extras bring, then hands over."""
