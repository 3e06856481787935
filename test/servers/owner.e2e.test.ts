import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { until } from '../harness.ts';
import { portState } from './traces.ts';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Starts a process that owns a Postgres and a Redis; its temporary folder holds nothing else but theirs. */
async function startOwner(ending: string) {
  const temporary = mkdtempSync(join(tmpdir(), 'owner-'));
  chmodSync(temporary, 0o755);
  folders.push(temporary);
  const program = `
    const { startPostgres, startRedis } = await import('./src/servers/index.ts');
    const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
    console.log(JSON.stringify({ ports: [postgres.port, redis.port] }));
    ${ending}`;
  const owner = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', program], {
    env: { ...process.env, TMPDIR: temporary, TSX_DISABLE_CACHE: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  owner.stdout.on('data', (chunk: Buffer) => {
    output += String(chunk);
  });
  const line = await until(() => /^\{.*\}$/m.exec(output)?.[0], {
    timeoutMs: 20_000,
    what: 'the servers of the owner',
  });
  const { ports } = JSON.parse(line) as { ports: number[] };
  const left = new Promise<number | null>((resolve) => {
    if (owner.exitCode !== null) resolve(owner.exitCode);
    owner.once('exit', resolve);
  });
  return { owner, ports, left, leftOver: () => readdirSync(temporary).filter((name) => name.startsWith('unstale-')) };
}

async function expectNothingLeft(ports: readonly number[], leftOver: () => string[]): Promise<void> {
  await until(() => leftOver().length === 0, { timeoutMs: 4_000, what: 'the folders to be removed' });
  for (const port of ports) expect(await portState(port)).toBe('closed');
}

describe('the servers of a process', () => {
  it('are gone when the process was killed', async () => {
    const { owner, ports, left, leftOver } = await startOwner('setInterval(() => undefined, 1000)');
    for (const port of ports) expect(await portState(port)).toBe('open');
    expect(leftOver()).toHaveLength(2);
    owner.kill('SIGKILL');
    await left;
    await expectNothingLeft(ports, leftOver);
  });

  it('do not keep it from ending, and end with it', async () => {
    const { ports, left, leftOver } = await startOwner('');
    expect(await left).toBe(0);
    await expectNothingLeft(ports, leftOver);
  });

  it('are gone when the process was killed while it was starting them', async () => {
    const temporary = mkdtempSync(join(tmpdir(), 'owner-'));
    chmodSync(temporary, 0o755);
    folders.push(temporary);
    const program = `await (await import('./src/servers/index.ts')).startPostgres();`;
    const owner = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', program], {
      env: { ...process.env, TMPDIR: temporary, TSX_DISABLE_CACHE: '1' },
      stdio: 'ignore',
    });
    const found = () => readdirSync(temporary).filter((name) => name.startsWith('unstale-postgres-'));
    const folder = await until(() => found()[0], { what: 'the folder of the server' });
    await until(() => readdirSync(join(temporary, folder, 'data')).includes('base'), { what: 'initdb at work' });
    owner.kill('SIGKILL');
    await until(() => found().length === 0, { what: 'the folder to be removed' });
  });
});
