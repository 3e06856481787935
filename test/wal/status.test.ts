import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StatusLoop, statusIntervalMs } from '../../src/wal/status.ts';

describe('the status loop', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function loop(of: { confirmed: bigint; ping?: boolean }) {
    const sent: [bigint, boolean][] = [];
    const status = new StatusLoop({
      walSenderTimeoutMs: 60_000,
      confirmed: () => of.confirmed,
      wantsPing: () => of.ping === true,
      send: (lsn, ping) => sent.push([lsn, ping]),
    });
    return { status, sent };
  }

  it('reports often enough for an impatient server, and once a second', () => {
    expect(statusIntervalMs(1500)).toBe(500);
    expect(statusIntervalMs(60_000)).toBe(1000);
    expect(statusIntervalMs(0)).toBe(1000);
  });

  it('reports the confirmed position by time, also when it did not move', () => {
    const { status, sent } = loop({ confirmed: 5n });
    status.start();
    vi.advanceTimersByTime(2000);
    status.stop();
    vi.advanceTimersByTime(5000);
    expect(sent).toEqual([
      [5n, false],
      [5n, false],
      [5n, false],
    ]);
  });

  it('says nothing while no position is known', () => {
    const { status, sent } = loop({ confirmed: 0n });
    status.start();
    status.requested();
    vi.advanceTimersByTime(3000);
    status.stop();
    expect(sent).toEqual([]);
  });

  it('asks for an answer when the watchdog wants one', () => {
    const { status, sent } = loop({ confirmed: 5n, ping: true });
    status.report();
    expect(sent).toEqual([[5n, true]]);
  });

  it('answers at once when asked, but does not race with a server that asks again after each answer', () => {
    const of = { confirmed: 5n };
    const { status, sent } = loop(of);
    status.requested();
    expect(sent.length).toBe(1);
    for (let i = 0; i < 100; i++) status.requested();
    expect(sent.length, 'nothing new to say').toBe(1);
    of.confirmed = 6n;
    status.requested();
    expect(sent.length, 'the position has moved').toBe(2);
    status.requested();
    vi.advanceTimersByTime(20);
    expect(sent.length, 'the question was not forgotten').toBe(3);
    status.stop();
  });
});
