import type { z } from 'zod';
import { ERRORS, type ErrorCode } from '../core/errors/index.ts';
import { CASE_FIELDS, ruleFile } from './grammar.ts';
import { suggest } from './nearest.ts';
import type { SourceFile } from './source.ts';
import { plain, type Tree, walk } from './tree.ts';

type Issue = z.core.$ZodIssue;

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  array: 'a list',
  object: 'a map',
  record: 'a map',
  null: 'nothing',
};
const TEMPLATE_FIELDS: readonly PropertyKey[] = ['key', 'index', 'version', 'pattern'];

/** Checks every field of a file against the grammar; each mistake is reported at the node to blame. */
export function checkShape(file: SourceFile, tree: Tree): void {
  const result = ruleFile.safeParse(plain(tree));
  for (const issue of result.error?.issues ?? []) reportIssue(file, tree, issue, []);
}

function reportIssue(file: SourceFile, tree: Tree, issue: Issue, base: readonly PropertyKey[]): void {
  const path = [...base, ...issue.path];
  const { node } = walk(tree, path);
  const at = node?.at ?? 0;
  const label = labelOf(path);
  if (issue.code === 'unrecognized_keys') reportUnknown(file, tree, path, issue);
  else if (issue.code === 'invalid_union') reportUnion(file, tree, issue, path);
  else if (issue.code === 'invalid_type') reportKind(file, tree, path, [issue.expected]);
  else if (issue.code === 'too_small') file.error(at, 'RULE_EMPTY', `${label} is empty`);
  else if (issue.code === 'custom') reportChecked(file, issue, { at, node, label });
  else file.error(at, 'RULE_WRONG_TYPE', `${label}: ${issue.message}`);
}

function reportUnknown(
  file: SourceFile,
  tree: Tree,
  path: readonly PropertyKey[],
  issue: z.core.$ZodIssueUnrecognizedKeys,
): void {
  const known = issue.message.split(' ');
  const where = path.length === 0 ? 'a rule file' : labelOf(path);
  for (const key of issue.keys) {
    const at = walk(tree, [...path, key]).entry?.keyAt ?? 0;
    const isRule = path[0] === 'rules' && path.length === 2;
    const hint = isRule && CASE_FIELDS.includes(key) ? caseHint(key) : suggest(key, known);
    file.error(at, 'RULE_UNKNOWN_FIELD', `${where} has no field \`${key}\``, hint);
  }
}

const caseHint = (key: string) => `\`${key}\` belongs to a table: watch: { <table>: { ${key}: ... } }`;

/** Alternatives differ in kind (text, list, map), so the one that is meant is known, and only its mistakes are told. */
function reportUnion(
  file: SourceFile,
  tree: Tree,
  issue: z.core.$ZodIssueInvalidUnion,
  path: readonly PropertyKey[],
): void {
  const kindIssue = (one: Issue) => (one.path.length === 0 && one.code === 'invalid_type' ? one.expected : undefined);
  const meant = issue.errors.find((errors) => !errors.some((one) => kindIssue(one) !== undefined));
  if (meant) for (const one of meant) reportIssue(file, tree, one, path);
  else reportKind(file, tree, path, [...new Set(expectedKinds(issue))]);
}

function expectedKinds(issue: z.core.$ZodIssueInvalidUnion): readonly string[] {
  return issue.errors.flat().flatMap((one) => {
    if (one.path.length > 0) return [];
    if (one.code === 'invalid_union') return expectedKinds(one);
    return one.code === 'invalid_type' ? one.expected : [];
  });
}

function reportKind(file: SourceFile, tree: Tree, path: readonly PropertyKey[], kinds: readonly string[]): void {
  const { node, entry } = walk(tree, path);
  const parent = walk(tree, path.slice(0, -1));
  const label = labelOf(path);
  const expected = kinds.map((kind) => KINDS[kind] ?? kind).join(' or ');
  if (!node) {
    const at = parent.entry?.keyAt ?? parent.node?.at ?? 0;
    const hint = label === '`edition`' ? 'write `edition: 1`' : `add \`${String(path.at(-1))}:\``;
    file.error(
      at,
      'RULE_MISSING_FIELD',
      `${path.length === 1 ? 'the file' : labelOf(path.slice(0, -1))} has no \`${String(path.at(-1))}\``,
      hint,
    );
  } else if (node.kind === 'text' && node.text === null) {
    file.error(entry?.keyAt ?? node.at, 'RULE_EMPTY', `${label} is empty, expected: ${expected}`);
  } else if (node.kind === 'map' && TEMPLATE_FIELDS.includes(path[2] ?? '') && path[0] === 'rules') {
    const message = `${label} is read as a map, since it begins with \`{\``;
    file.error(node.at, 'RULE_UNQUOTED_TEMPLATE', message, "put the whole template in quotes: '{tag}:${id}'");
  } else {
    const is = node.kind === 'text' ? `the text \`${node.text?.slice(0, 40)}\`` : `a ${node.kind}`;
    file.error(node.at, 'RULE_WRONG_TYPE', `${label} is ${is}, expected: ${expected}`);
  }
}

function reportChecked(
  file: SourceFile,
  issue: z.core.$ZodIssueCustom,
  { at, node, label }: { at: number; node: Tree | undefined; label: string },
): void {
  const code = isCode(issue.params?.code) ? issue.params.code : 'RULE_WRONG_TYPE';
  const text = node?.kind === 'text' ? (node.text ?? '') : '';
  const words = code === 'RULE_UNKNOWN_VALUE' ? suggest(text, issue.message.split(', ')) : undefined;
  const hint = code === 'RULE_DURATION' ? durationHint(text) : words;
  file.error(at, code, `${label} is \`${text.slice(0, 60)}\`, expected: ${issue.message}`, hint);
}

/** The unit that was probably meant, if the number is right. */
function durationHint(text: string): string | undefined {
  const [, digits, unit = ''] = /^(\d+)\s*([a-z]*)$/i.exec(text) ?? [];
  if (digits === undefined || Number(digits) === 0) return undefined;
  const meant = /^(ms|milli)/i.test(unit) ? 'ms' : unit.charAt(0).toLowerCase();
  if (unit === '') return `add a unit: ${digits}s is ${digits} seconds; the units are ms, s, m, h, d`;
  return ['ms', 's', 'm', 'h', 'd'].includes(meant) ? `write ${digits}${meant}` : undefined;
}

function isCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERRORS, code);
}

/** The last names of a path, as people say it: `watch.users.columns`. */
function labelOf(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the file';
  const shown = path[0] === 'rules' || path[0] === 'trees' ? path.slice(path.length > 2 ? 2 : 0) : path;
  const text = shown.reduce<string>((label, step) => {
    if (typeof step === 'number') return `${label}[${step}]`;
    return label === '' ? String(step) : `${label}.${String(step)}`;
  }, '');
  return `\`${text}\``;
}
