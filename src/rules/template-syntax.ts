import type { ErrorCode } from '../core/errors/index.ts';
import type { Expression, Part, Template } from './compiled.ts';
import type { TemplateFunction } from './functions/define.ts';
import { FUNCTIONS } from './functions/index.ts';
import { suggest } from './nearest.ts';

/** A mistake in a template; `index` counts characters from its beginning. */
export interface TemplateProblem {
  readonly code: ErrorCode;
  readonly index: number;
  readonly message: string;
  readonly hint?: string | undefined;
}

export interface ParsedTemplate {
  readonly template: Template;
  readonly problems: readonly TemplateProblem[];
}

type Argument = Expression['arguments'][number];

const NESTED = 'functions do not nest; name a column or a constant in quotes';

/** Reads literal text, `${column}`, `${function(column, 'constant')}` and `$${` (a literal `${`). Reports every mistake. */
export function parseTemplate(source: string): ParsedTemplate {
  const parts: Part[] = [];
  const problems: TemplateProblem[] = [];
  let literal = '';
  let index = 0;
  while (index < source.length) {
    if (source.startsWith('$${', index)) {
      literal += '${';
      index += 3;
    } else if (source.startsWith('${', index)) {
      if (literal !== '') parts.push({ kind: 'literal', text: literal });
      literal = '';
      const reader = new ExpressionReader(source, index, problems);
      const expression = reader.read();
      if (expression) parts.push(expression);
      index = reader.end;
    } else literal += source.charAt(index++);
  }
  if (literal !== '') parts.push({ kind: 'literal', text: literal });
  return { template: { source, parts, placeholders: placeholdersOf(parts) }, problems };
}

/** A template with a constant text in front, as every template of a file with a namespace. */
export function prefixed(template: Template, prefix: string): Template {
  if (prefix === '') return template;
  const [first, ...rest] = template.parts;
  const text = first?.kind === 'literal' ? prefix + first.text : prefix;
  const parts: Part[] = [{ kind: 'literal', text }, ...(first?.kind === 'literal' ? rest : template.parts)];
  return { source: prefix + template.source, parts, placeholders: template.placeholders };
}

function placeholdersOf(parts: readonly Part[]): readonly string[] {
  const names = parts.flatMap((part) =>
    part.kind === 'expression' ? part.arguments.flatMap((one) => (one.kind === 'placeholder' ? one.name : [])) : [],
  );
  return [...new Set(names)];
}

/** Column names are as in the catalog, so nearly everything may stand in one but what the syntax itself needs. */
const NAME = /\s*([^\s'"(),{}$][^'"(),{}$]*)/y;
const CONSTANT = /\s*'((?:[^']|'')*)'\s*/y;

/** Reads one `${...}`. */
class ExpressionReader {
  readonly #source: string;
  readonly #start: number;
  readonly #problems: TemplateProblem[];
  #at: number;
  /** Where the text after the expression begins. */
  end: number;

  constructor(source: string, start: number, problems: TemplateProblem[]) {
    this.#source = source;
    this.#start = start;
    this.#problems = problems;
    this.#at = start + 2;
    this.end = source.length;
  }

  read(): Expression | undefined {
    const name = this.#take(NAME)?.trim();
    if (name === undefined)
      return this.#fail(this.#peek() === '}' ? 'nothing between the braces' : 'a name is missing');
    if (this.#peek() === '}') return this.#done([{ kind: 'placeholder', name }]);
    if (this.#peek() !== '(') return this.#fail(this.#expectation('`}` or `(`'));
    this.#at++;
    const args = this.#arguments();
    if (!args) return undefined;
    if (this.#peek() !== '}') return this.#fail(this.#expectation('`}`'));
    return this.#call(name, args);
  }

  #arguments(): Argument[] | undefined {
    const args: Argument[] = [];
    this.#skipSpace();
    while (this.#peek() !== ')') {
      const argument = this.#argument();
      if (!argument) return undefined;
      args.push(argument);
      const mark = this.#peek();
      if (mark === '(') return this.#fail(NESTED);
      if (mark !== ',' && mark !== ')') return this.#fail(this.#expectation('`,` or `)`'));
      if (mark === ',') this.#at++;
    }
    this.#at++;
    this.#skipSpace();
    return args;
  }

  #argument(): Argument | undefined {
    const constant = this.#take(CONSTANT);
    if (constant !== undefined) return { kind: 'constant', value: constant.replaceAll("''", "'") };
    const name = this.#take(NAME)?.trim();
    if (name === undefined) return this.#fail(this.#expectation('a column or a constant in single quotes'));
    if (/^-?\d/.test(name)) return this.#fail(`a constant stands in quotes: '${name}'`);
    return { kind: 'placeholder', name };
  }

  #call(name: string, args: readonly Argument[]): Expression | undefined {
    const called = FUNCTIONS.get(name);
    if (!called) {
      this.#skipToEnd();
      const message = `there is no function \`${name}\``;
      return this.#report('RULE_UNKNOWN_FUNCTION', message, suggest(name, [...FUNCTIONS.keys()]));
    }
    const wrong = checkCall(called, args);
    if (wrong !== undefined) {
      this.#skipToEnd();
      return this.#report(
        'RULE_FUNCTION_ARGUMENTS',
        wrong,
        `it is called as $\{${name}(${called.arguments.join(', ')})}`,
      );
    }
    return this.#done(args, called);
  }

  #done(args: readonly Argument[], called?: TemplateFunction): Expression {
    this.end = this.#at + 1;
    return { kind: 'expression', source: this.#source.slice(this.#start, this.end), function: called, arguments: args };
  }

  /** A syntax error: what comes up to the next brace cannot be made sense of. */
  #fail(message: string): undefined {
    const index = this.#at;
    this.#skipToEnd();
    const closed = this.#source.charAt(this.end - 1) === '}';
    const hint = closed ? undefined : 'close it with }, or write $${ for a literal ${';
    this.#problems.push({ code: 'RULE_TEMPLATE_SYNTAX', index: closed ? index : this.#start, message, hint });
  }

  #report(code: ErrorCode, message: string, hint: string): undefined {
    this.#problems.push({ code, index: this.#start, message, hint });
  }

  #skipToEnd(): void {
    const brace = this.#source.indexOf('}', this.#at);
    this.end = brace === -1 ? this.#source.length : brace + 1;
  }

  #expectation(what: string): string {
    const found = this.#peek();
    return `expected ${what}, found ${found === '' ? 'the end of the template' : `\`${found}\``}`;
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#source);
    if (match) this.#at = pattern.lastIndex;
    return match?.[1];
  }

  #peek(): string {
    return this.#source.charAt(this.#at);
  }

  #skipSpace(): void {
    while (/\s/.test(this.#peek())) this.#at++;
  }
}

/** A message if a function cannot be called like this. */
function checkCall(called: TemplateFunction, args: readonly Argument[]): string | undefined {
  const names = called.arguments;
  const least = names.filter((name) => !/(\?|\.\.\.)$/.test(name)).length;
  const most = names.some((name) => name.endsWith('...')) ? Number.POSITIVE_INFINITY : names.length;
  if (args.length < least || args.length > most) {
    return `\`${called.name}\` takes (${names.join(', ')}), not ${args.length} argument${args.length === 1 ? '' : 's'}`;
  }
  const constants = args.map((one) => (one.kind === 'constant' ? one.value : undefined));
  const wrong = called.check?.(constants);
  if (wrong !== undefined) return wrong;
  if (constants.some((value) => value === undefined)) return undefined;
  try {
    called.apply(...constants.map((value) => value ?? ''));
    return undefined;
  } catch (error) {
    return `\`${called.name}\` cannot use these constants: ${error instanceof Error ? error.message : String(error)}`;
  }
}
