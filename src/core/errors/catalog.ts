import { defineErrors } from './define.ts';

export const catalogErrors = defineErrors({
  RULE_UNKNOWN_TABLE: {
    about: 'A rule watches a table that the database does not have.',
    hint: 'write the name exactly as in the catalog, with its schema if that is not public',
    retry: 'never',
    exit: 1,
  },
  RULE_UNKNOWN_COLUMN: {
    about: 'A rule names a column that its table does not have.',
    hint: 'write the name exactly as in the catalog (`\\d <table>` in psql shows it)',
    retry: 'never',
    exit: 1,
  },
  RULE_UNBOUND_PLACEHOLDER: {
    about: 'A placeholder has the name of no column of the watched table, and no `bind` fills it.',
    hint: 'say which column fills it: bind: { <placeholder>: <column> }',
    retry: 'never',
    exit: 1,
  },
  RULE_IDENTITY_TOO_SMALL: {
    about: 'A rule needs old values that the replica identity of its table does not send, so its effects are widened.',
    hint: 'run `unstale setup`, or as the owner of the table: alter table <table> replica identity full',
    retry: 'never',
    exit: 1,
  },
  RULE_NO_IDENTITY: {
    about: 'A watched table has no replica identity: once it is published, its updates and deletes fail.',
    hint: 'add a primary key, or run as the owner of the table: alter table <table> replica identity full',
    retry: 'never',
    exit: 1,
  },
  RULE_TABLE_NOT_PUBLISHED: {
    about: 'The publication does not send (all) changes of a watched table.',
    hint: 'run `unstale setup`, or as the owner: alter publication <name> add table <table>',
    retry: 'never',
    exit: 1,
  },
  RULE_COLUMN_NOT_PUBLISHED: {
    about: "The publication's column list leaves out a column that a rule needs.",
    hint: 'publish the table without a column list: run `unstale setup`',
    retry: 'never',
    exit: 1,
  },
  RULE_TABLE_KIND: {
    about:
      'A rule watches something whose changes are never in the stream: a view, a foreign, unlogged or temporary table, or a partition.',
    hint: 'watch the tables that the rows are stored in; instead of a partition, the table on top',
    retry: 'never',
    exit: 1,
  },
  RULE_INHERITED: {
    about:
      'Other tables inherit from a watched one. Queries of it show their rows, and changes of those come under their own names.',
    hint: 'watch the tables that inherit, too',
    retry: 'never',
    exit: 1,
  },
  RULE_GENERATED_COLUMN: {
    about: 'A rule needs a generated column, and the stream does not carry it.',
    hint: 'use the columns that it is generated from',
    retry: 'never',
    exit: 1,
  },
});
