import { type Document, isAlias, isMap, isScalar, isSeq, type Node, parseDocument, Scalar } from 'yaml';
import type { SourceFile } from './source.ts';
import type { Entry, Tree, TreeText } from './tree.ts';
import { DEEPEST, masked, scanTokens, type Unquoted, unmask } from './yaml-tokens.ts';

const MOST_BYTES = 1024 * 1024;
/** Nodes after aliases have been followed: a file of a few lines can otherwise grow into billions. */
const MOST_NODES = 200_000;

export interface Yaml {
  readonly tree: Tree;
  /** Where the text is no YAML: what was read around these positions means little. */
  readonly broken: readonly number[];
}

/** Reads YAML 1.2 without giving types to scalars. Mistakes are reported to the file; nothing comes back if it is unreadable. */
export function readYaml(file: SourceFile): Yaml | undefined {
  const bytes = Buffer.byteLength(file.text);
  if (bytes > MOST_BYTES) {
    file.error(0, 'RULE_FILE_LIMIT', `the file has ${bytes} bytes, a rule file has at most ${MOST_BYTES}`);
    return undefined;
  }
  const scan = scanTokens(file.text);
  if (scan.tooDeepAt !== undefined) {
    file.error(scan.tooDeepAt, 'RULE_FILE_LIMIT', `nested more than ${DEEPEST} deep`, 'flatten the file');
    return undefined;
  }
  reportUnquoted(file, scan.unquoted);
  // The failsafe schema leaves every scalar the text that it is.
  const options = { schema: 'failsafe', prettyErrors: false, uniqueKeys: false } as const;
  const document = parseDocument(masked(file.text, scan.unquoted), options);
  const broken = reportSyntax(file, document);
  const reader = new Reader(file, scan.unquoted.length > 0);
  const tree = document.contents ? reader.read(document.contents, 0) : undefined;
  if (reader.isFull) return undefined;
  return { tree: tree ?? { kind: 'map', at: 0, end: 0, entries: [] }, broken };
}

/** Each unquoted template once, however many expressions it has. */
function reportUnquoted(file: SourceFile, unquoted: readonly Unquoted[]): void {
  let end = 0;
  for (const { at, star, length } of unquoted) {
    const isSameText = end > 0 && !/[\s,[\]{}]/.test(file.text.slice(end, at));
    end = at + length;
    if (isSameText) continue;
    const where = star ? 'a text that begins with `*`' : 'an unquoted text inside { } or [ ]';
    file.error(
      star ? at - star : at,
      'RULE_UNQUOTED_TEMPLATE',
      `YAML reads the \`{\` of a template in ${where} as a map`,
    );
  }
}

/**
 * The first syntax error of each line. Those behind the end of what could be read (stray brackets), and
 * lines that seem misplaced beside one with a tab, are echoes.
 */
function reportSyntax(file: SourceFile, document: Document): readonly number[] {
  const end = document.contents?.range?.[1] ?? 0;
  const hasTab = document.errors.some(({ code }) => code === 'TAB_AS_INDENT');
  const lines = new Set<number>();
  const broken: number[] = [];
  for (const { code, pos, message } of [...document.errors, ...document.warnings]) {
    const at = Math.min(pos[0], file.text.length);
    const { line } = file.place(at);
    const isStray = code === 'UNEXPECTED_TOKEN' && at >= end && lines.size > 0;
    if (isStray || (code === 'BAD_INDENT' && hasTab) || lines.has(line)) continue;
    lines.add(line);
    broken.push(at);
    reportOne(file, at, { code, message });
  }
  return broken;
}

function reportOne(file: SourceFile, at: number, error: { code: string; message: string }): void {
  const before = file.text.slice(0, at).trimEnd().at(-1);
  if (error.code === 'TAB_AS_INDENT') {
    file.error(at, 'RULE_YAML_TAB', 'a tab in the indentation');
  } else if (error.code === 'BAD_ALIAS') {
    file.error(at, 'RULE_UNQUOTED_TEMPLATE', 'an unquoted text begins with `*`, which YAML reads as an alias');
  } else if (error.code === 'UNEXPECTED_TOKEN' && (before === '}' || before === ']')) {
    const what = before === '}' ? '{' : '[';
    file.error(at, 'RULE_UNQUOTED_TEMPLATE', `an unquoted text begins with \`${what}\`, which YAML reads as structure`);
  } else if (error.code === 'MULTIPLE_DOCS') {
    file.error(at, 'RULE_YAML', 'a second document begins here', 'put each document into a file of its own');
  } else {
    file.error(at, 'RULE_YAML', error.message);
  }
}

/** Turns YAML nodes into a tree, within limits; follows aliases. */
class Reader {
  readonly #file: SourceFile;
  readonly #isMasked: boolean;
  readonly #anchors = new Map<string, Node>();
  #nodes = 0;
  /** A limit was met: the tree is not whole. */
  isFull = false;

  constructor(file: SourceFile, isMasked: boolean) {
    this.#file = file;
    this.#isMasked = isMasked;
  }

  read(node: unknown, depth: number): Tree {
    const at = startOf(node);
    const nothing: Tree = { kind: 'text', at, end: at, text: null };
    if (this.#wouldOverflow(at, depth)) return nothing;
    if (isAlias(node)) return this.#follow(node.source, at, depth);
    if ((isScalar(node) || isMap(node) || isSeq(node)) && node.anchor) this.#anchors.set(node.anchor, node);
    if (isMap(node)) return { kind: 'map', at, end: endOf(node), entries: this.#entries(node.items, depth) };
    if (isSeq(node)) {
      return { kind: 'list', at, end: endOf(node), items: node.items.map((item) => this.read(item, depth + 1)) };
    }
    return isScalar(node) ? this.#text(node, at) : nothing;
  }

  #wouldOverflow(at: number, depth: number): boolean {
    if (this.isFull) return true;
    this.isFull = depth > DEEPEST || ++this.#nodes > MOST_NODES;
    if (this.isFull) {
      const what = depth > DEEPEST ? `nested more than ${DEEPEST} deep` : `more than ${MOST_NODES} values`;
      this.#file.error(at, 'RULE_FILE_LIMIT', `${what}, its aliases followed`, 'write out what the aliases repeat');
    }
    return this.isFull;
  }

  #follow(name: string, at: number, depth: number): Tree {
    const target = this.#anchors.get(name);
    if (target) return this.read(target, depth + 1);
    if (name !== '') {
      // An empty name is a syntax error, reported by then.
      this.#file.error(
        at,
        'RULE_UNQUOTED_TEMPLATE',
        `\`*${name}\` is read as an alias, and nothing is called \`&${name}\``,
        `quote a text that begins with \`*\`: '*${name}'`,
      );
    }
    return { kind: 'text', at, end: at, text: `*${name}` };
  }

  #entries(items: readonly { key: unknown; value: unknown }[], depth: number): Entry[] {
    const entries = new Map<string, Entry>();
    for (const item of items) {
      const keyAt = startOf(item.key);
      const key = this.read(item.key, depth + 1);
      if (key.kind !== 'text' || key.text === null || key.text === '') {
        this.#file.error(keyAt, 'RULE_YAML', 'the key of a map must be a text', 'write `name: value`');
        continue;
      }
      const first = entries.get(key.text);
      if (first) {
        const { line } = this.#file.place(first.keyAt);
        this.#file.error(keyAt, 'RULE_DUPLICATE_KEY', `\`${key.text}\` stands here twice, first on line ${line}`);
        continue;
      }
      const value = this.read(item.value, depth + 1);
      entries.set(key.text, { key: key.text, keyAt, value: item.value ? value : { ...value, at: keyAt } });
    }
    return [...entries.values()];
  }

  #text(node: Scalar, at: number): TreeText {
    const text = this.#isMasked ? unmask(String(node.value)) : String(node.value);
    const isNull = node.type === Scalar.PLAIN && !node.tag && /^(~|null|Null|NULL|)$/.test(text);
    const quoted = node.type === Scalar.QUOTE_SINGLE || node.type === Scalar.QUOTE_DOUBLE;
    const textAt = quoted ? at + 1 : at;
    const verbatim = this.#file.text.startsWith(text, textAt);
    return { kind: 'text', at, end: endOf(node), text: isNull ? null : text, textAt: verbatim ? textAt : undefined };
  }
}

function rangeOf(node: unknown): readonly number[] {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? (node.range ?? []) : [];
}

const startOf = (node: unknown): number => rangeOf(node)[0] ?? 0;
const endOf = (node: unknown): number => rangeOf(node)[1] ?? 0;
