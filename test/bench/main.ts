/** `npm run bench -- NAME [--json] [--short] [--runs N]`: measures, prints a table, and says on what. */
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { core } from './core.ts';

export interface BenchOptions {
  readonly runs: number;
  /** A smaller amount of work, for CI: the ratios hold, the absolute figures less so. */
  readonly short: boolean;
}

/** One figure: the median of its runs, with the mark it is held against, if it has one. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly runs: readonly number[];
  readonly mark?: { readonly atLeast: number } | { readonly below: number };
}

const BENCHES: Readonly<Record<string, (options: BenchOptions) => Promise<readonly Figure[]>>> = { core };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean' }, short: { type: 'boolean' }, runs: { type: 'string' } },
});
const [name = ''] = positionals;
const bench = BENCHES[name];
if (!bench) {
  console.error(`usage: npm run bench -- ${Object.keys(BENCHES).join('|')} [--json] [--short] [--runs N]`);
  process.exit(2);
}
const short = values.short === true;
const figures = await bench({ runs: Number(values.runs ?? (short ? 1 : 5)), short });
const machine = `${cpus().length} x ${cpus()[0]?.model ?? '?'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`;
// On shared and throttled machines the short run's marks are loosened to half.
const misses = figures.filter((figure) => !meets(figure, short ? 2 : 1));
if (values.json)
  console.log(JSON.stringify({ bench: name, machine, short, figures, misses: misses.map((one) => one.name) }, null, 2));
else print();
process.exitCode = misses.length > 0 ? 1 : 0;

function meets({ value, mark }: Figure, loosened: number): boolean {
  if (!mark) return true;
  return 'atLeast' in mark ? value >= mark.atLeast / loosened : value < mark.below * loosened;
}

function print(): void {
  console.log(`${name}${short ? ' (short)' : ''}; ${machine}`);
  for (const figure of figures) {
    const { mark } = figure;
    const asked = mark ? ('atLeast' in mark ? `at least ${mark.atLeast}` : `below ${mark.below}`) : '';
    const spread =
      figure.runs.length > 1 ? `${show(Math.min(...figure.runs))} .. ${show(Math.max(...figure.runs))}` : '';
    const missed = misses.includes(figure) ? '  MISSED' : '';
    console.log(
      `${figure.name.padEnd(58)} ${show(figure.value).padStart(10)} ${figure.unit.padEnd(8)} ${spread.padEnd(22)} ${asked}${missed}`,
    );
  }
}

function show(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en') : value.toFixed(value < 10 ? 2 : 1);
}
