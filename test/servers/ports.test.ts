import { describe, expect, it } from 'vitest';
import { freePort } from '../../src/servers/ports.ts';

describe('a free port', () => {
  it('lies below those of outgoing connections and leaves room for the bus of a cluster', async () => {
    const ports = await Promise.all(Array.from({ length: 50 }, () => freePort({ bus: true })));
    for (const port of ports) {
      expect(port).toBeGreaterThan(1_024);
      expect(port).toBeLessThan(32_768);
    }
    expect(new Set(ports).size).toBeGreaterThan(40);
  });
});
