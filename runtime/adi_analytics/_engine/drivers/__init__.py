"""Run the worker's decisions, in a thread or in asyncio, over a psycopg connection."""
