import { defineErrors } from './define.ts';

export const databaseErrors = defineErrors({
  DATABASE_POOLED: {
    about: 'DATABASE_URL leads to a connection pooler. Replication and the visibility gate need the database itself.',
    hint: 'use the direct connection of the primary (often port 5432), not the pooler (often port 6543)',
    retry: 'never',
    exit: 1,
  },
  DATABASE_TOO_OLD: {
    about: 'The Postgres server is older than 14, which lacks logical messages in the stream.',
    hint: 'upgrade to Postgres 14 or newer',
    retry: 'never',
    exit: 1,
  },
  TABLES_NOT_PUBLISHED: {
    about: 'The publication lacks tables that the rules watch, and the role may not add them.',
    hint: 'run `unstale setup` as the owner of the tables',
    retry: 'never',
    exit: 1,
  },
  DATABASE_UNREACHABLE: {
    about: 'The database does not answer: it is down, starting up or shutting down, or the network is in the way.',
    hint: 'check DATABASE_URL, and that Postgres is running and reachable from here',
    retry: 'medium',
    exit: 1,
  },
  DATABASE_BUSY: {
    about: 'The database has no connection or memory left for us.',
    hint: 'raise max_connections, or end connections that nobody uses',
    retry: 'medium',
    exit: 1,
  },
  DATABASE_AUTH: {
    about: 'The database does not let us in: user, password, pg_hba.conf, or the database does not exist.',
    hint: 'check user, password and database in DATABASE_URL',
    retry: 'slow',
    exit: 1,
  },
  DATABASE_TLS: {
    about:
      'The TLS connection to the database failed: its certificate is not trusted, has expired, or TLS is not offered.',
    hint: 'check sslmode and sslrootcert in DATABASE_URL, and the certificate of the server',
    retry: 'slow',
    exit: 1,
  },
  DATABASE_FORBIDDEN: {
    about: 'The role lacks a privilege.',
    hint: 'run the command as the owner of the tables, or grant what the message names',
    retry: 'never',
    exit: 1,
  },
  DATABASE_TIMEOUT: {
    about: 'A statement took too long and was cancelled.',
    hint: 'look for locks and long transactions: select * from pg_stat_activity',
    retry: 'quick',
    exit: 1,
  },
  DATABASE_QUERY: {
    about: 'The database refused a statement.',
    hint: 'see what the database says in the message',
    retry: 'never',
    exit: 1,
  },
});
