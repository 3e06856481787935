import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compileGlob } from '../../src/redis/glob.ts';
import { openRedis } from '../../src/redis/index.ts';
import { useRedis } from '../harness.ts';

const server = await useRedis();

it('matches patterns here exactly as Redis does, byte by byte', async () => {
  const redis = openRedis(server.url, { role: 'cache' });
  await redis.ready();
  const special = ['*', '?', '\\', '[', ']', '^', '-'];
  // Without `-` beside ü: what a range of bytes above 127 is depends on the machine that Redis was built for.
  const ranges = fc.constantFrom('a', 'b', 'c', ...special);
  const texts = fc.constantFrom('a', 'b', 'ü', ...special.filter((char) => char !== '-'));
  const unit = fc.constantFrom('a', 'b', 'c', 'ü', ...special);
  const pattern = fc.oneof(fc.string({ unit: ranges, maxLength: 8 }), fc.string({ unit: texts, maxLength: 8 }));
  // One string function of Redis answers for all keys of a database, so each case has a pattern and several keys.
  const cases = fc.tuple(
    pattern,
    fc.array(fc.string({ unit, minLength: 1, maxLength: 6 }), { minLength: 4, maxLength: 8 }),
  );
  await fc.assert(
    fc.asyncProperty(cases, async ([glob, keys]) => {
      await redis.client.flushdb();
      await redis.client.mset(keys.flatMap((key) => [key, '1']));
      const found = await redis.client.keys(glob);
      const matches = compileGlob(Buffer.from(glob).toString('latin1'));
      const expected = new Set(keys.filter((key) => matches(Buffer.from(key).toString('latin1'))));
      expect(new Set(found)).toEqual(expected);
    }),
    { numRuns: 1_500 },
  );
  redis.close();
});
