import { readdir, readFile, stat } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import { messageOf, UnstaleError } from '../core/errors/index.ts';

export interface RuleFile {
  /** As findings show it. */
  readonly path: string;
  readonly text: string;
}

/** A rule file larger than this is no rule file; it is refused by its size before it is read. */
const MOST_BYTES = 1024 * 1024;

/**
 * The rule files at these paths: files as they are, folders with everything in them that ends in .yaml or .yml, hidden
 * ones and node_modules left out. Sorted, each once. Throws RULES_NOT_FOUND where a path is missing or there is no file.
 */
export async function readRuleFiles(paths: readonly string[]): Promise<readonly RuleFile[]> {
  const found = new Set<string>();
  for (const path of paths) {
    for (const file of await filesAt(normalize(path))) found.add(file);
  }
  if (found.size === 0) throw new UnstaleError('RULES_NOT_FOUND', `no .yaml file in ${paths.join(', ')}`);
  return Promise.all([...found].sort().map(async (path) => ({ path, text: await read(path) })));
}

async function filesAt(path: string): Promise<readonly string[]> {
  const info = await stat(path).catch((error: unknown) => {
    throw new UnstaleError(
      'RULES_NOT_FOUND',
      `${path} ${missing(error) ? 'does not exist' : `cannot be read: ${messageOf(error)}`}`,
      { cause: error },
    );
  });
  if (!info.isDirectory()) return [path];
  const entries = await readdir(path, { withFileTypes: true });
  const nested = entries
    .filter((entry) => !entry.name.startsWith('.') && entry.name !== 'node_modules')
    .map(async (entry): Promise<readonly string[]> => {
      const inside = join(path, entry.name);
      // Links are followed: a Kubernetes ConfigMap is a folder of links.
      if (entry.isDirectory()) return filesAt(inside);
      return /\.ya?ml$/.test(entry.name) ? [inside] : [];
    });
  return (await Promise.all(nested)).flat();
}

const missing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';

async function read(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > MOST_BYTES) {
    throw new UnstaleError('RULES_NOT_FOUND', `${path} has ${size} bytes, a rule file has at most ${MOST_BYTES}`, {
      hint: 'split it, or point UNSTALE_RULES at the rule files alone',
    });
  }
  return readFile(path, 'utf8');
}
