-- The database and the user that clients see. The user owns the database and may make users, but is no superuser.
create role wardhouse login createrole createdb;
create database wardhouse owner wardhouse;
