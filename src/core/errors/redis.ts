import { defineErrors } from './define.ts';

/** All but those with retry `never` are the server's or the connection's fault: they use up no attempts. */
export const redisErrors = defineErrors({
  REDIS_NO_SUCH_DATABASE: {
    about: 'The Redis has no database of the number in the URL.',
    hint: 'correct the number behind the last slash of the URL, or raise `databases` in redis.conf',
    retry: 'never',
    exit: 1,
  },
  REDIS_BAD_URL: {
    about: 'A Redis URL cannot be used.',
    hint: 'Write redis://user:password@host:6379/0, rediss:// for TLS, or a comma list of URLs (or ?cluster=true) for a cluster.',
    retry: 'never',
    exit: 2,
  },
  REDIS_UNREACHABLE: {
    about: 'Redis cannot be reached, or the connection broke.',
    hint: 'Check that Redis runs at that address and that the network lets this machine through: redis-cli -u "$REDIS_URL" ping.',
    retry: 'quick',
    exit: 1,
  },
  REDIS_TIMEOUT: {
    about: 'Redis did not answer in time.',
    hint: 'Look for a command that blocks it: redis-cli -u "$REDIS_URL" slowlog get 10.',
    retry: 'quick',
    exit: 1,
  },
  REDIS_LOADING: {
    about: 'Redis has just started and is still loading its data.',
    hint: 'Wait; it is tried again.',
    retry: 'quick',
    exit: 1,
  },
  REDIS_READONLY: {
    about: 'The Redis that answers is a replica and takes no writes, as happens in a failover.',
    hint: 'Let the URL name the primary; it is tried again over a new connection.',
    retry: 'medium',
    exit: 1,
  },
  REDIS_OUT_OF_MEMORY: {
    about: 'Redis has reached maxmemory and refuses writes.',
    hint: 'Raise maxmemory or free some: redis-cli -u "$REDIS_URL" info memory.',
    retry: 'medium',
    exit: 1,
  },
  REDIS_WRITES_STOPPED: {
    about: 'Redis refuses writes because it cannot save to disk or has too few replicas.',
    hint: 'Read the log of Redis; disk space is the usual cause (MISCONF), or replicas that are away (NOREPLICAS).',
    retry: 'medium',
    exit: 1,
  },
  REDIS_BUSY: {
    about: 'A script of somebody blocks Redis, or it has too many clients.',
    hint: 'Find it: redis-cli -u "$REDIS_URL" client list; a script that runs too long is ended by SCRIPT KILL.',
    retry: 'medium',
    exit: 1,
  },
  REDIS_CLUSTER_DOWN: {
    about: 'The Redis Cluster does not serve all slots, or is moving them.',
    hint: 'Look at redis-cli -u "$REDIS_URL" cluster info; it is tried again.',
    retry: 'quick',
    exit: 1,
  },
  REDIS_AUTH: {
    about: 'Redis refuses the user or the password.',
    hint: 'Correct user and password in the URL; characters such as @ and / in a password are written %40 and %2F.',
    retry: 'slow',
    exit: 1,
  },
  REDIS_FORBIDDEN: {
    about: "The user's access list does not allow a command or a key.",
    hint: 'Grant it with ACL SETUSER <user> ~* +@read +@write +@keyspace +@scripting +@connection +info.',
    retry: 'slow',
    exit: 1,
  },
  REDIS_WRONG_TYPE: {
    about: 'A key holds another type than the rule says.',
    hint: 'Look what it is with TYPE; an `index` rule names a set whose members are keys.',
    retry: 'never',
    exit: 1,
  },
  REDIS_REFUSED: {
    about: 'Redis refused a command, and trying again as it is would not help.',
    hint: 'Read the message; Redis 6.2 or newer is needed.',
    retry: 'never',
    exit: 1,
  },
});
