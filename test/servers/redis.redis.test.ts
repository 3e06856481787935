import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { startRedis } from '../../src/servers/index.ts';
import { redisProgram } from '../../src/servers/redis.ts';
import { ask, fieldOf } from '../../src/servers/redis-wire.ts';
import { until, useRedis, useRedisCluster } from '../harness.ts';
import { portState } from './traces.ts';

describe('a Redis for tests', () => {
  it('answers as soon as it is handed out, and says what it is and where it comes from', async () => {
    const server = await useRedis();
    expect(await ask(server.url, ['SET', 'ключ', 'значение'], ['DBSIZE'])).toEqual(['OK', '1']);
    expect(server.version).toMatch(/^\d+\.\d+/);
    expect(server.source).toContain(server.version);
  });

  it('takes arguments over its own', async () => {
    const server = await useRedis({ args: ['--maxmemory', '20mb', '--maxmemory-policy', 'allkeys-lru'] });
    const [memory] = await ask(server.url, ['INFO', 'memory']);
    expect(fieldOf(memory, 'maxmemory_policy')).toBe('allkeys-lru');
  });

  it('may ask for a password', async () => {
    const server = await useRedis({ args: ['--requirepass', 'secret'] });
    await expect(ask(server.url, ['PING'])).rejects.toThrow(/NOAUTH/);
    expect(await ask(server.url.replace('://', '://:secret@'), ['PING'])).toEqual(['PONG']);
  });

  it('forgets everything over a restart, unless it writes a file', async () => {
    const forgetful = await useRedis();
    const writing = await useRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
    for (const server of [forgetful, writing]) {
      await ask(server.url, ['SET', 'a', '1']);
      await server.kill();
      expect(await portState(server.port)).toBe('closed');
      await server.start();
    }
    expect(await ask(forgetful.url, ['GET', 'a'])).toEqual([null]);
    expect(await ask(writing.url, ['GET', 'a'])).toEqual(['1']);
    await writing.stop();
    await writing.start();
    expect(await ask(writing.url, ['GET', 'a'])).toEqual(['1']);
  });

  it('leaves nothing behind when it is closed', async () => {
    const server = await startRedis();
    await server.close();
    await server.close();
    expect(await portState(server.port)).toBe('closed');
  });

  it('says what the log says when it does not start', async () => {
    const starting = startRedis({ args: ['--maxmemory-policy', 'whatever'] });
    await expect(starting).rejects.toMatchObject({
      code: 'SERVERS_START_FAILED',
      message: expect.stringContaining('maxmemory-policy'),
    });
  });

  it('does not take another server on its port for itself', async () => {
    const server = await useRedis();
    await server.stop();
    const program = await redisProgram();
    const args = ['--port', String(server.port), '--bind', '127.0.0.1', '--save', ''];
    const other = spawn(program.path, args, { stdio: 'ignore', env: { ...process.env, ...program.env } });
    await until(() => ask(server.url, ['PING']), { what: 'the other server' });
    await expect(server.start()).rejects.toMatchObject({ code: 'SERVERS_START_FAILED' });
    other.kill();
    await until(async () => (await portState(server.port)) === 'closed', { what: 'the end of the other server' });
    await server.start();
  });

  it('does not wait for ever for a stop', async () => {
    const server = await useRedis();
    const [info] = await ask(server.url, ['INFO', 'server']);
    const pid = Number(fieldOf(info, 'process_id'));
    process.kill(pid, 'SIGSTOP');
    await expect(server.stop(50)).rejects.toMatchObject({ code: 'SERVERS_STOP_FAILED' });
    process.kill(pid, 'SIGCONT');
  });
});

describe('a Redis Cluster for tests', () => {
  it('serves every slot, each on one of three nodes', async () => {
    const cluster = await useRedisCluster();
    expect(new URL(cluster.url).searchParams.get('cluster')).toBe('true');
    const first = await ask(cluster.nodes[0]?.url ?? '', ['CLUSTER', 'INFO']);
    expect(fieldOf(first[0], 'cluster_slots_ok')).toBe('16384');
    const answers = await Promise.allSettled(cluster.nodes.map((node) => ask(node.url, ['SET', 'a key', '1'])));
    expect(answers.filter((answer) => answer.status === 'fulfilled')).toHaveLength(1);
  });

  it('can be of one node', async () => {
    const cluster = await useRedisCluster({ nodes: 1 });
    expect(await ask(cluster.nodes[0]?.url ?? '', ['SET', 'a key', '1'])).toEqual(['OK']);
  });
});

describe('asking a Redis', () => {
  it('fails when the connection is closed in the middle', async () => {
    const deaf = createServer((socket) => socket.end('$100\r\nhalf')).listen(0, '127.0.0.1');
    await until(() => deaf.listening, { what: 'the server' });
    const address = deaf.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    await expect(ask(`redis://127.0.0.1:${port}`, ['GET', 'a'])).rejects.toThrow(/closed/);
    deaf.close();
  });
});
