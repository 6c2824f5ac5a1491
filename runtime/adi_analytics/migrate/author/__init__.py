"""Write migrations: compare the catalog with what the files add up to."""
