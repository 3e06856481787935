import { type ErrorCode, type Finding, kindOf, type Place } from '../core/errors/index.ts';

/** Longer lines are cut where a finding shows them. */
const LONGEST_LINE = 300;

/** The text of a rule file, its lines, and what was found to be wrong with it so far. */
export class SourceFile {
  readonly path: string;
  readonly text: string;
  readonly #lineStarts: number[] = [0];
  readonly #findings: { readonly at: number; readonly finding: Finding }[] = [];

  constructor(path: string, text: string) {
    this.path = path;
    this.text = text;
    for (let i = text.indexOf('\n'); i !== -1; i = text.indexOf('\n', i + 1)) this.#lineStarts.push(i + 1);
  }

  /** Everything found, in the order of the file. */
  get findings(): readonly Finding[] {
    return this.#findings.toSorted((a, b) => a.at - b.at).map(({ finding }) => finding);
  }

  /** Line and column, both from 1, of a position in the text. */
  place(at: number): Place {
    const line = this.#lineOf(at);
    return { file: this.path, line: line + 1, column: at - (this.#lineStarts[line] ?? 0) + 1 };
  }

  error(at: number, code: ErrorCode, message: string, hint?: string): void {
    this.#add('error', at, code, message, hint);
  }

  warning(at: number, code: ErrorCode, message: string, hint?: string): void {
    this.#add('warning', at, code, message, hint);
  }

  /** Takes findings out again, from the n-th that was reported on: those that are only echoes of an earlier one. */
  dropFrom(n: number, isEcho: (at: number) => boolean): void {
    this.#findings.push(...this.#findings.splice(n).filter(({ at }) => !isEcho(at)));
  }

  /** The text of a line, counted from 1. */
  line(number: number): string {
    const start = this.#lineStarts[number - 1] ?? 0;
    const end = this.text.indexOf('\n', start);
    return this.text
      .slice(start, end === -1 ? undefined : end)
      .replace(/\r$/, '')
      .slice(0, LONGEST_LINE);
  }

  #add(severity: Finding['severity'], at: number, code: ErrorCode, message: string, hint?: string): void {
    const place = this.place(at);
    const source = this.line(place.line);
    const finding: Finding = { code, severity, message, hint: hint ?? kindOf(code).hint, place, source };
    this.#findings.push({ at, finding });
  }

  #lineOf(at: number): number {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= at) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
