-- Run once by the image of PostgreSQL, as its superuser, when the volume is made.
-- Tellgraph's role is no superuser. It owns its database and everything in it, and may enter no other.
\set password `cat /run/secrets/database_password`
create role tellgraph login nosuperuser nocreatedb nocreaterole noreplication password :'password';
create database tellgraph owner tellgraph;
revoke connect, temporary on database tellgraph, postgres, template1 from public;
