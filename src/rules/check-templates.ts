import type { Family, Template } from './compiled.ts';
import { globEscape } from './glob.ts';
import type { SourceFile } from './source.ts';
import { parseTemplate, prefixed } from './template-syntax.ts';
import { type Tree, type TreeText, textsOf } from './tree.ts';

/** Redis takes keys of 512 MB; nobody means one. */
const LONGEST_TEMPLATE = 2000;

/** Reads the templates of a rule, with the namespace in front, and reports what is wrong with them. */
export function readTemplates(
  file: SourceFile,
  node: Tree,
  { family, namespace }: { family: Family; namespace: string | undefined },
): readonly Template[] {
  const prefix = namespace === undefined ? '' : `${family === 'pattern' ? globEscape(namespace) : namespace}:`;
  return textsOf(node).map((text) => {
    const template = prefixed(readTemplate(file, text), prefix);
    checkBeginning(file, text, { template, family });
    return template;
  });
}

/** Reads one template; its mistakes are reported at the character, where the text stands in the file as it is. */
export function readTemplate(file: SourceFile, { text, at, textAt }: TreeText & { readonly text: string }): Template {
  if (text.length > LONGEST_TEMPLATE) {
    file.error(at, 'RULE_TEMPLATE_LENGTH', `a template of ${text.length} characters; ${LONGEST_TEMPLATE} are allowed`);
  }
  const { template, problems } = parseTemplate(text);
  for (const { code, index, message, hint } of problems) {
    file.error(textAt === undefined ? at : textAt + index, code, message, hint);
  }
  return template;
}

function checkBeginning(
  file: SourceFile,
  { at, text }: { at: number; text: string },
  { template, family }: { template: Template; family: Family },
): void {
  const [first] = template.parts;
  const literal = first?.kind === 'literal' ? first.text : '';
  if (/^\{?unstale(:|\}|$)/.test(literal)) {
    file.error(
      at,
      'RULE_RESERVED_KEY',
      '`unstale:` and `{unstale` are beginnings of keys that belong to unstale itself',
    );
  }
  if (literal === '' || (family === 'pattern' && /^[*?[]/.test(literal))) {
    file.warning(at, 'RULE_TEMPLATE_BEGINS_OPEN', `\`${text.slice(0, 60)}\` does not begin with a literal`);
  }
  const open = template.parts.some((part) => part.kind === 'literal' && /[*?[]/.test(part.text));
  if (family === 'pattern' && !open) {
    file.warning(at, 'RULE_PATTERN_CLOSED', `\`${text.slice(0, 60)}\` matches one key only`);
  }
}
