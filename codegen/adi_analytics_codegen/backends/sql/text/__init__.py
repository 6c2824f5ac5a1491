"""What a statement is written with: names and literals, templates, and statements by kind."""
