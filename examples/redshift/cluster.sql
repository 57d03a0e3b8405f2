-- Once, as the cluster's administrator, in the database that is loaded.
CREATE USER loader PASSWORD 'Change-me-1';
CREATE SCHEMA ods;
GRANT USAGE, CREATE ON SCHEMA ods TO loader;
GRANT TEMPORARY ON DATABASE dw TO loader;
