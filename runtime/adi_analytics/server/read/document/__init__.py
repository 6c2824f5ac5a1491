"""The OpenAPI document, which is made from the catalog."""
