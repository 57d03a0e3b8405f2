"""A stand-in for Amazon Redshift: its protocol, dialect, COPY of Parquet and isolation, in front of a real PostgreSQL."""
