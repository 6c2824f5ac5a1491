"""What must hold of a whole catalog: names that collide, what a language cannot say."""
