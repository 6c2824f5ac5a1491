"""Events, their fields and the rules between fields."""
