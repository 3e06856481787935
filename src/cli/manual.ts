import { entries } from '../config/settings.ts';
import { ERRORS } from '../core/errors/index.ts';

/** The manual's page of errors, made from the catalogue. */
export function errorsPage(): string {
  const sections = Object.entries(ERRORS)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, { about, hint }]) => `### ${code}\n\n${about}\n\n${sentence(hint)}\n`);
  const head =
    '# Errors\n\nEvery error has a code. This page is made from the catalogue in `src/core/errors/` (`npm run docs`).\n';
  return [head, ...sections].join('\n');
}

/** Hints are written to stand behind `hint:`; on a page they begin like sentences. */
function sentence(hint: string): string {
  return `${hint.charAt(0).toUpperCase()}${hint.slice(1).replace(/\.$/, '')}.`;
}

/** The README's table of settings, made from the table of options. */
export function settingsTable(): string {
  const rows = entries().map(([, option]) => {
    const preset = option.default === undefined ? '' : `\`${option.default}\``;
    return `| \`${option.name}\` | \`--${option.flag}\` | ${preset} | ${option.about.replaceAll('|', '\\|')} |`;
  });
  return ['| variable | flag | default | |', '|---|---|---|---|', ...rows, ''].join('\n');
}
