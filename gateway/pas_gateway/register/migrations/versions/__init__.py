"""The register's migrations, run by Alembic."""
