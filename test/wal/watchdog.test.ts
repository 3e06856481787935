import { describe, expect, it } from 'vitest';
import { deadAfterMs, silence, verdict } from '../../src/wal/watchdog.ts';

const tick = { elapsedMs: 1000, tickMs: 1000, heard: false, paused: false };

describe('the watchdog', () => {
  it('gives up after twice the time that the server itself would wait', () => {
    expect(deadAfterMs(5000)).toBe(10_000);
  });

  it('has a patience of its own where the server has none', () => {
    expect(deadAfterMs(0)).toBe(120_000);
  });

  it('counts silence, and forgets it when something comes in', () => {
    expect(silence(3000, tick)).toBe(4000);
    expect(silence(3000, { ...tick, heard: true })).toBe(0);
  });

  it('does not count while we do not read ourselves', () => {
    expect(silence(3000, { ...tick, paused: true })).toBe(0);
  });

  it('does not take its own long pause for a silence of the server', () => {
    expect(silence(0, { ...tick, elapsedMs: 60_000 })).toBe(2000);
  });

  it('asks for a sign of life long before it gives up', () => {
    expect(verdict(1000, 12_000)).toBe('fine');
    expect(verdict(2000, 12_000)).toBe('ping');
    expect(verdict(12_000, 12_000)).toBe('dead');
  });
});
