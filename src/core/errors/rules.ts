import { defineErrors } from './define.ts';

const once = { retry: 'never', exit: 1 } as const;

/** What can be wrong with rule files. Most hints are made where the mistake is found, with the nearest name. */
export const rulesErrors = defineErrors({
  RULES_INVALID: {
    about: 'The rule files have errors: all files load, or none does.',
    hint: 'run `unstale check` and correct what it lists',
    ...once,
  },
  RULE_YAML: {
    about: 'A rule file is not valid YAML 1.2.',
    hint: 'quote texts that hold `: `, ` #` or begin with a special character; check the indentation',
    ...once,
  },
  RULE_YAML_TAB: {
    about: 'A rule file is indented with a tab, which YAML does not allow.',
    hint: 'indent with spaces',
    ...once,
  },
  RULE_UNQUOTED_TEMPLATE: {
    about: 'A template stands unquoted where YAML reads its characters as structure.',
    hint: "put the whole template in quotes: 'user:${id}'",
    ...once,
  },
  RULE_DUPLICATE_KEY: {
    about: 'A key stands twice in one map; YAML would keep only one of them.',
    hint: 'remove one of them, or merge the two',
    ...once,
  },
  RULE_FILE_LIMIT: {
    about: 'A rule file is too large, nested too deep, or grows too large through its aliases.',
    hint: 'split the file',
    ...once,
  },
  RULE_EDITION: {
    about: 'The edition of a rule file is one that this version does not know.',
    hint: 'write `edition: 1`',
    ...once,
  },
  RULE_UNKNOWN_FIELD: {
    about: 'A field that the grammar does not know.',
    hint: 'remove it',
    ...once,
  },
  RULE_MISSING_FIELD: {
    about: 'A field that is required is missing.',
    hint: 'add it',
    ...once,
  },
  RULE_WRONG_TYPE: {
    about: 'A text, a list or a map stands where another of them is expected.',
    hint: 'write it in the form that the message names',
    ...once,
  },
  RULE_UNKNOWN_VALUE: {
    about: 'A word stands where only certain other words are allowed.',
    hint: 'write one of the words that the message lists',
    ...once,
  },
  RULE_EMPTY: {
    about: 'A field, a list or a map is empty where something is needed.',
    hint: 'fill it, or remove the field',
    ...once,
  },
  RULE_NUMBER: {
    about: 'A number is no whole number or out of range.',
    hint: 'write a whole number in the range that the message names',
    ...once,
  },
  RULE_DURATION: {
    about: 'A duration is not written as a whole number with a unit.',
    hint: 'write a whole number and ms, s, m, h or d: 500ms, 10s, 5m, 1h, 7d',
    ...once,
  },
  RULE_PERCENT: {
    about: 'A share is not written as a percentage.',
    hint: 'write a percentage from 0% to 100%: 10%',
    ...once,
  },
  RULE_SIZE: {
    about: 'A size is not written as a whole number with a unit.',
    hint: 'write a whole number and b, kb or mb: 512b, 1kb, 1mb',
    ...once,
  },
  RULE_NAME: {
    about: 'A name holds characters that names may not hold.',
    hint: 'use letters, digits, - and _ only',
    ...once,
  },
  RULE_DUPLICATE_NAME: {
    about: 'Two rules have the same name; names are unique across all rule files.',
    hint: 'rename one of them',
    ...once,
  },
  RULE_NAMESPACE: {
    about: 'A namespace holds a placeholder; it is a constant text.',
    hint: 'move the placeholder into the templates',
    ...once,
  },
  RULE_TARGET: {
    about: 'A rule has none, or more than one, of key, index, version and pattern.',
    hint: 'keep exactly one of key, index, version and pattern; make a rule of its own for each',
    ...once,
  },
  RULE_SCAN: {
    about: 'A pattern walks the whole keyspace and must say that this is accepted; nothing else needs to.',
    hint: 'add `scan: accept` to the rule',
    ...once,
  },
  RULE_TABLE: {
    about: 'The name of a table has an empty part.',
    hint: 'write schema.table, or the table alone if its schema is public',
    ...once,
  },
  RULE_RELATIVE: {
    about: 'A rule without a tree watches a relative.',
    hint: 'add `tree:`, or write the schema in front if a table is meant',
    ...once,
  },
  RULE_CASES: {
    about: 'A list mixes columns and cases.',
    hint: 'write either a list of columns or a list of cases; a case can have `columns:`',
    ...once,
  },
  RULE_TREE: {
    about: 'A tree, or the use of one, does not fit together.',
    hint: 'correct the levels of the tree',
    ...once,
  },
  RULE_UNKNOWN_TREE: {
    about: 'A rule names a tree that its file does not have.',
    hint: 'define it under `trees:` in the same file',
    ...once,
  },
  RULE_UNKNOWN_LEVEL: {
    about: 'A level is named that the tree does not have.',
    hint: 'name a level of the tree',
    ...once,
  },
  RULE_REBUILD: {
    about: 'A rebuild has not exactly one loader, or its rule not exactly one key template.',
    hint: 'give exactly one of sql, http and module, and exactly one template under `key`',
    ...once,
  },
  RULE_DO: {
    about: 'A case asks for an action that its rule is not equipped for.',
    hint: 'add a `rebuild` block; `do: patch` also needs `store: hash` in it',
    ...once,
  },
  RULE_UNKNOWN_PLACEHOLDER: {
    about: 'A placeholder is named that no template of the rule has.',
    hint: 'name a placeholder of the templates',
    ...once,
  },
  RULE_TEMPLATE_SYNTAX: {
    about: 'A template cannot be read.',
    hint: "write ${column} or ${function(column, 'constant')}; a literal ${ is written $${",
    ...once,
  },
  RULE_TEMPLATE_LENGTH: {
    about: 'A template is longer than any sensible key.',
    hint: 'shorten it; put long values through ${md5(x)} or ${sha1(x)}',
    ...once,
  },
  RULE_TEMPLATE_BEGINS_OPEN: {
    about: 'A template does not begin with a literal, so it can match the keys of everybody else.',
    hint: 'begin it with a literal, or give the file a `namespace`',
    ...once,
  },
  RULE_PATTERN_CLOSED: {
    about: 'A `pattern` has no `*`, `?` or `[`, so it finds one key only, by walking over all of them.',
    hint: 'end it with `*` where the rest is known to the application only, or make it a `key`',
    ...once,
  },
  RULE_RESERVED_KEY: {
    about: 'A template begins with `unstale:`, where unstale keeps keys of its own, which it never touches for a rule.',
    hint: 'begin it with another word',
    ...once,
  },
  RULE_UNKNOWN_FUNCTION: {
    about: 'A template calls a function that does not exist.',
    hint: 'call one of the functions that the message lists',
    ...once,
  },
  RULE_FUNCTION_ARGUMENTS: {
    about: 'A function in a template is called with wrong arguments.',
    hint: 'correct the arguments',
    ...once,
  },
  RULE_TEST: {
    about: 'A rule test does not say one clear thing: which change, with which row.',
    hint: 'see the grammar of tests in the manual',
    ...once,
  },
  RULE_NOT_YET: {
    about: 'A rule uses a part of the grammar that this version validates but does not execute yet.',
    hint: 'leave it out for now, or use a later version',
    ...once,
  },
});
