import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Valve } from '../../src/wal/valve.ts';

describe('the valve', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function valve() {
    const state = { reading: true };
    const socket = {
      pause: () => {
        state.reading = false;
      },
      resume: () => {
        state.reading = true;
      },
    };
    const one = new Valve(socket);
    one.wasRead(100); // the first after a silence
    return { valve: one, state };
  }

  /** The valve shuts after the read, not within it. */
  const afterTheRead = () => new Promise((resolve) => setImmediate(resolve));

  it('lets everything out that has gathered before it rests', async () => {
    const { valve: one, state } = valve();
    one.wasRead(100);
    expect(state.reading).toBe(true);
    one.wasRead(100);
    expect(state.reading).toBe(true);
    await afterTheRead();
    expect(state.reading).toBe(false);
  });

  it('does not rest after the first small read, so that a lone transaction is not delayed', () => {
    expect(valve().state.reading).toBe(true);
  });

  it('rests for a moment after small reads in a row', async () => {
    const { valve: one, state } = valve();
    one.wasRead(100);
    await afterTheRead();
    expect(state.reading).toBe(false);
    vi.advanceTimersByTime(1);
    expect(state.reading).toBe(true);
    one.wasRead(100);
    await afterTheRead();
    expect(state.reading).toBe(false);
  });

  it('does not rest after a full read, since reads are capped', () => {
    const { valve: one, state } = valve();
    one.wasRead(64 * 1024);
    expect(state.reading).toBe(true);
  });

  it('stays shut under backpressure when a rest is over', async () => {
    const { valve: one, state } = valve();
    one.wasRead(100);
    await afterTheRead();
    one.shut();
    vi.advanceTimersByTime(50);
    expect(state.reading).toBe(false);
    one.open();
    expect(state.reading).toBe(true);
  });

  it('finishes its rest when backpressure ends in the middle of it', async () => {
    const { valve: one, state } = valve();
    one.wasRead(100);
    await afterTheRead();
    one.shut();
    one.open();
    expect(state.reading).toBe(false);
    vi.advanceTimersByTime(1);
    expect(state.reading).toBe(true);
  });

  it('does not hold up the end', async () => {
    const { valve: one, state } = valve();
    one.stop();
    one.wasRead(100);
    await afterTheRead();
    vi.advanceTimersByTime(50);
    expect(state.reading).toBe(true);
  });
});
