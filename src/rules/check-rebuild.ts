import { readTemplate } from './check-templates.ts';
import type { Template } from './compiled.ts';
import { suggest } from './nearest.ts';
import type { SourceFile } from './source.ts';
import { parseTemplate } from './template-syntax.ts';
import { entriesOf, entryOf, fieldOf, itemsOf, type Tree, textOf, textsOf } from './tree.ts';

const LOADERS = ['sql', 'http', 'module'];

/** What the fields of a rebuild say about each other and about their rule. */
export function checkRebuild(file: SourceFile, rule: Tree, templates: readonly Template[]): void {
  const entry = entryOf(rule, 'rebuild');
  checkDo(file, rule);
  if (entry?.value.kind !== 'map') return;
  const rebuild = entry.value;
  const loaders = entriesOf(rebuild).filter(({ key }) => LOADERS.includes(key));
  const extra = loaders[1];
  if (loaders.length === 0) file.error(entry.keyAt, 'RULE_REBUILD', 'a rebuild without a loader');
  if (extra) file.error(extra.keyAt, 'RULE_REBUILD', `a rebuild with ${loaders.length} loaders: ${names(loaders)}`);
  const otherFamily = ['index', 'version', 'pattern'].find((family) => entryOf(rule, family));
  if (otherFamily) file.error(entry.keyAt, 'RULE_REBUILD', `a rule with \`${otherFamily}\` cannot be rebuilt`);
  else if (templates.length > 1) file.error(entry.keyAt, 'RULE_REBUILD', `a rebuild of ${templates.length} templates`);
  checkPlaceholders(file, rebuild, templates);
}

const names = (entries: readonly { key: string }[]) => entries.map(({ key }) => key).join(', ');

function checkPlaceholders(file: SourceFile, rebuild: Tree, templates: readonly Template[]): void {
  const known = [...new Set(templates.flatMap((template) => template.placeholders))];
  for (const text of textsOf(fieldOf(fieldOf(rebuild, 'http'), 'url'))) {
    reportUnknown(file, text, { used: readTemplate(file, text).placeholders, known });
  }
  for (const text of textsOf(fieldOf(rebuild, 'sql'))) checkSql(file, text, known);
  for (const text of textsOf(fieldOf(fieldOf(rebuild, 'schedule'), 'select'))) checkSql(file, text, []);
}

/** SQL takes plain placeholders only: they become bound parameters. `known`: those that have a value; all if not given. */
export function checkSql(
  file: SourceFile,
  node: { readonly at: number; readonly text: string },
  known?: readonly string[],
): void {
  const { template, problems } = parseTemplate(node.text);
  for (const { code, message, hint } of problems) file.error(node.at, code, message, hint);
  for (const part of template.parts) {
    if (part.kind !== 'expression' || !part.function) continue;
    file.error(
      node.at,
      'RULE_TEMPLATE_SYNTAX',
      `\`${part.source}\` calls a function, SQL takes plain placeholders`,
      'compute it in SQL',
    );
  }
  if (known) reportUnknown(file, node, { used: template.placeholders, known });
}

function reportUnknown(
  file: SourceFile,
  { at }: { readonly at: number },
  { used, known }: { used: readonly string[]; known: readonly string[] },
): void {
  for (const name of used) {
    if (known.includes(name)) continue;
    const message = `\`$\{${name}}\` is no placeholder of the rule's key`;
    file.error(at, 'RULE_UNKNOWN_PLACEHOLDER', message, suggest(name, known, 'no placeholder has a value here'));
  }
}

/** `do: rebuild` needs a rebuild, `do: patch` one that stores a hash. */
function checkDo(file: SourceFile, rule: Tree): void {
  const rebuild = entryOf(rule, 'rebuild');
  const isHash = textOf(fieldOf(rebuild?.value, 'store')) === 'hash';
  for (const { value } of entriesOf(fieldOf(rule, 'watch'))) {
    for (const one of value.kind === 'list' ? itemsOf(value) : [value]) {
      const action = fieldOf(one, 'do');
      const verb = textOf(action);
      if (verb === 'rebuild' && !rebuild)
        file.error(action?.at ?? 0, 'RULE_DO', '`do: rebuild` in a rule without `rebuild`');
      if (verb === 'patch' && !isHash)
        file.error(action?.at ?? 0, 'RULE_DO', '`do: patch` in a rule that stores no hash');
    }
  }
}
