"""Read the migrations, their lock and the manifest."""
