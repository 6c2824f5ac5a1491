"""The dashboard: a page made from the catalog, its files, and its sessions."""
