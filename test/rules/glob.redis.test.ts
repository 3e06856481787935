import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, expect, it } from 'vitest';
import { compileGlob, globEscape } from '../../src/rules/index.ts';
import { useRedis } from '../harness.ts';

const server = await useRedis();
const redis = new Redis(server.url);
afterAll(() => redis.disconnect());

const unit = fc.constantFrom('a', 'b', 'c', '*', '?', '[', ']', '\\', '^', '-', ':', '\n', 'é', '\u{1f600}');
/** (An empty key is left out: Redis finds it by `*`, but not by `**`.) */
const text = fc.string({ unit, minLength: 1, maxLength: 8 });
/** Redis compares bytes in ranges as signed or unsigned, as the machine has it: no other than ASCII in classes. */
const pattern = text.filter((one) => !one.includes('[') || /^[\n-~]*$/.test(one));

/** Which of the keys Redis itself finds. */
async function found(pattern: string, keys: readonly string[]): Promise<readonly string[]> {
  await redis.flushall();
  await redis.mset(...keys.flatMap((key) => [key, '1']));
  return (await redis.keys(pattern)).toSorted();
}

it('finds the same keys as Redis, for any pattern', async () => {
  await fc.assert(
    fc.asyncProperty(pattern, fc.uniqueArray(text, { minLength: 1, maxLength: 30 }), async (glob, keys) => {
      const matches = compileGlob(glob);
      expect(keys.filter(matches).toSorted()).toEqual(await found(glob, keys));
    }),
    { numRuns: 600 },
  );
});

it('an escaped text is found by Redis as itself alone', async () => {
  await fc.assert(
    fc.asyncProperty(text, fc.uniqueArray(text, { maxLength: 30 }), async (key, others) => {
      expect(await found(globEscape(key), [...new Set([key, ...others])])).toEqual([key]);
    }),
    { numRuns: 300 },
  );
});

it('takes no longer on patterns that make a backtracking matcher hang', () => {
  const started = performance.now();
  expect(compileGlob(`${'*a'.repeat(50)}b`)('a'.repeat(20_000))).toBe(false);
  expect(performance.now() - started).toBeLessThan(500);
});
