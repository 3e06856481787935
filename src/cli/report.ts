import { type Finding, messageOf, UnstaleError } from '../core/errors/index.ts';

/** A finding as people read it: place, code, message, the line with a mark below the column, hint. */
export function formatFinding(finding: Finding): string {
  const { place, source } = finding;
  const where = place ? `${place.file}:${place.line}:${place.column}: ` : '';
  const lines = [`${where}${finding.severity} ${finding.code}: ${finding.message}`];
  if (place && source !== undefined) {
    lines.push(`    ${source}`);
    if (place.column <= source.length + 1) lines.push(`    ${' '.repeat(place.column - 1)}^`);
  }
  if (finding.hint !== '') lines.push(`  hint: ${finding.hint}`);
  return lines.join('\n');
}

/** Control characters of values made visible: a key must not steer the terminal. */
export function printable(text: string): string {
  return JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll('\\\\', '\\');
}

/** `1 rule`, `2 rules`. */
export function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

/** The contract's shape of a finding. */
export function findingJson({ code, severity, place, message, hint }: Finding): Record<string, unknown> {
  return { code, severity, file: place?.file, line: place?.line, column: place?.column, message, hint };
}

/** An error for people; its stack only when asked for. */
export function formatError(error: unknown, trace: boolean): string {
  const stack = trace && error instanceof Error && error.stack ? `\n${error.stack}` : '';
  if (!(error instanceof UnstaleError)) {
    return `error INTERNAL: ${messageOf(error)}\n  hint: run again with --trace and report what it prints${stack}`;
  }
  if (error.findings.length > 0) return error.findings.map(formatFinding).join('\n') + stack;
  return `error ${error.code}: ${error.message}\n  hint: ${error.hint}${stack}`;
}

export function errorJson(error: unknown): Record<string, unknown> {
  if (!(error instanceof UnstaleError))
    return { code: 'INTERNAL', message: messageOf(error), hint: 'run again with --trace' };
  const { code, message, hint } = error;
  return { code, message, hint, ...(error.findings.length > 0 && { findings: error.findings.map(findingJson) }) };
}

export function exitOf(error: unknown): number {
  return error instanceof UnstaleError ? error.exit : 1;
}
