import { defineErrors } from './define.ts';

/** The slot, the publication and the stream of changes. */
export const walErrors = defineErrors({
  SLOT_IN_USE: {
    about: 'Another process reads from the slot. This one stands by and takes over as soon as it is free.',
    hint: 'nothing, if this is a second instance; else find the other one: select * from pg_stat_replication',
    retry: 'quick',
    exit: 1,
  },
  SLOT_MISSING: {
    about: 'The replication slot does not exist: it was never made, was dropped, or did not survive a failover.',
    hint: 'start `unstale run` with UNSTALE_ON_GAP=resync: it makes the slot and invalidates every family',
    retry: 'never',
    exit: 1,
  },
  SLOT_LOST: {
    about: 'Postgres gave the slot up (too much WAL was kept for it, or the server had to). Changes are missing.',
    hint: 'raise max_slot_wal_keep_size, drop the slot (select pg_drop_replication_slot(name)), and start `unstale run`: it makes a new one and invalidates every family',
    retry: 'never',
    exit: 1,
  },
  SLOT_WRONG_KIND: {
    about: 'A slot of that name exists, but it belongs to another database, plugin or kind of replication.',
    hint: 'choose another UNSTALE_NAME, or drop the slot if nobody needs it: select pg_drop_replication_slot(name)',
    retry: 'never',
    exit: 1,
  },
  SLOT_NAME_INVALID: {
    about: 'Postgres allows lower-case letters, digits and underscores in the name of a slot, 63 at most.',
    hint: 'choose an UNSTALE_NAME of lower-case letters, digits and underscores',
    retry: 'never',
    exit: 2,
  },
  PUBLICATION_NAME_INVALID: {
    about: 'The name of a publication has 1 to 63 bytes.',
    hint: 'choose a shorter UNSTALE_NAME',
    retry: 'never',
    exit: 2,
  },
  SLOT_CREATE_BLOCKED: {
    about: 'A slot can only be made once all transactions that are open have ended, and some did not in time.',
    hint: 'end the transactions that are named, or wait for them, and try again',
    retry: 'medium',
    exit: 1,
  },
  PUBLICATION_MISSING: {
    about: 'The publication does not exist, or was replaced while it was read. Without it no change is sent.',
    hint: 'run `unstale setup`',
    retry: 'never',
    exit: 1,
  },
  WAL_LEVEL_NOT_LOGICAL: {
    about: 'The server does not write what logical decoding needs.',
    hint: 'run `alter system set wal_level = logical`, then restart Postgres (on managed servers it is a parameter)',
    retry: 'never',
    exit: 1,
  },
  REPLICATION_NOT_ALLOWED: {
    about: 'The role may not read the WAL.',
    hint: 'run `alter role <name> replication` as a superuser (Amazon RDS: grant rds_replication to <name>)',
    retry: 'never',
    exit: 1,
  },
  TOO_MANY_SLOTS: {
    about: 'All replication slots of the server are taken.',
    hint: 'drop slots that nobody uses (select * from pg_replication_slots), or raise max_replication_slots',
    retry: 'medium',
    exit: 1,
  },
  TOO_MANY_SENDERS: {
    about: 'The server has no connection left for replication.',
    hint: 'raise max_wal_senders (or max_connections), or end connections that nobody uses',
    retry: 'medium',
    exit: 1,
  },
  STREAM_SYNCHRONOUS: {
    about:
      'synchronous_standby_names makes commits wait for unstale, which itself waits until commits are visible: both would hang.',
    hint: 'name the real standbys in synchronous_standby_names instead of `*` (or leave `unstale` out of it), and reload',
    retry: 'never',
    exit: 1,
  },
  STREAM_DECODE: {
    about: 'The stream holds something that cannot be decoded. Nothing is skipped, so the stream stops.',
    hint: 'report it with this message; upgrade unstale if the server is newer than it',
    retry: 'never',
    exit: 1,
  },
  STREAM_LOST: {
    about: 'The connection that the stream came over broke. It is opened again where it was confirmed.',
    hint: 'look at the log of the Postgres server and at the network if it happens again',
    retry: 'quick',
    exit: 1,
  },
  STREAM_SILENT: {
    about: 'Nothing came from the server for so long that the network must have gone away. The stream is opened again.',
    hint: 'check the network between here and the server if it happens again',
    retry: 'quick',
    exit: 1,
  },
  STREAM_FAILED: {
    about: 'The server broke off the stream with an error. It is opened again where it was confirmed.',
    hint: 'see what the server says in the message and in its log',
    retry: 'medium',
    exit: 1,
  },
  STREAM_REOPENED: {
    about: 'The stream is read again from the confirmed position, because what was done since then may be lost.',
    hint: 'nothing: it is a precaution',
    retry: 'quick',
    exit: 1,
  },
});
