import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { date } from '../../../src/rules/functions/date.ts';
import { dates } from '../../../src/rules/functions/dates.ts';

const day = (text: string, zone: string, source?: string) =>
  source === undefined ? date.apply(text, zone) : date.apply(text, zone, source);

describe('date gives the day of the venue, whatever the zone of the server', () => {
  it.each([
    ['a booking at 23:30 New York time in winter', '2026-01-16 04:30:00+00', 'America/New_York', '2026-01-15'],
    ['a booking at 23:30 New York time in summer', '2026-07-16 03:30:00+00', 'America/New_York', '2026-07-15'],
    ['the last minute before the clock goes forward', '2026-03-08 06:59:00+00', 'America/New_York', '2026-03-08'],
    ['midnight before the clock goes forward', '2026-03-08 04:59:59+00', 'America/New_York', '2026-03-07'],
    ['midnight after the clock went forward', '2026-03-09 04:00:00+00', 'America/New_York', '2026-03-09'],
    ['the second before it', '2026-03-09 03:59:59.999999+00', 'America/New_York', '2026-03-08'],
    ['midnight after the clock went back', '2026-11-02 05:00:00+00', 'America/New_York', '2026-11-02'],
    ['an offset of half an hour in the value', '2026-06-01 01:00:00+05:30', 'UTC', '2026-05-31'],
    ['an offset west of UTC', '2026-06-01 22:00:00-03', 'UTC', '2026-06-02'],
    ['an offset with seconds, as of local mean time', '1800-01-01 00:00:00-04:56:02', 'UTC', '1800-01-01'],
    ['a zone with an offset of 45 minutes', '2026-06-01 18:15:00+00', 'Asia/Kathmandu', '2026-06-02'],
    ['a zone that skipped a day', '2011-12-30 12:00:00+00', 'Pacific/Apia', '2011-12-31'],
    ['the year before Christ', '0001-01-01 00:30:00+00', 'America/New_York', '0001-12-31 BC'],
    ['the first days that Postgres knows', '4714-11-24 00:00:00+00 BC', 'UTC', '4714-11-24 BC'],
    ['the same first days, west of UTC', '4713-01-01 00:00:00+00 BC', 'America/New_York', '4714-12-31 BC'],
    ['a leap day far away', '20400-02-29 12:00:00+00', 'Asia/Tokyo', '20400-02-29'],
    ['summer time far away', '20200-07-01 03:30:00+00', 'America/New_York', '20200-06-30'],
    ['minus infinity', '-infinity', 'UTC', '-infinity'],
  ])('%s', (_, text, zone, expected) => {
    expect(day(text, zone)).toBe(expected);
  });

  it('takes a time without an offset as UTC, or as one of the source zone', () => {
    expect(day('2026-06-01 23:00:00', 'Europe/Berlin')).toBe('2026-06-02');
    expect(day('2026-06-01 23:00:00', 'Europe/Berlin', 'America/New_York')).toBe('2026-06-02');
    expect(day('2026-06-02 01:00:00', 'America/New_York', 'Europe/Berlin')).toBe('2026-06-01');
  });

  it('takes a time that the clock skipped, or told twice, as Postgres does', () => {
    // 02:30 in New York was 07:30 in UTC, and the second 01:30 was 06:30; dates.pg.test.ts asks Postgres itself.
    expect(day('2026-03-08 02:30:00', 'Etc/GMT+7', 'America/New_York')).toBe('2026-03-08');
    expect(day('2026-03-08 02:30:00', 'Etc/GMT+8', 'America/New_York')).toBe('2026-03-07');
    expect(day('2026-11-01 01:30:00', 'Etc/GMT+6', 'America/New_York')).toBe('2026-11-01');
    expect(day('2026-11-01 01:30:00', 'Etc/GMT+7', 'America/New_York')).toBe('2026-10-31');
  });

  it('leaves a plain date as it is', () => {
    expect(day('2026-03-08', 'Pacific/Kiritimati')).toBe('2026-03-08');
    expect(day('0044-03-15 BC', 'America/New_York')).toBe('0044-03-15 BC');
  });

  it('throws on what is no date, so that its placeholder is widened', () => {
    for (const text of [
      '',
      'today',
      '2026-13-01',
      '2026-01-00',
      '2026-02-29',
      '2026-01-01 25:00:00',
      '12:00:00',
      '2026-06-01T',
      '26-1-1',
    ]) {
      expect(() => day(text, 'UTC')).toThrow();
    }
    expect(() => day('2026-06-01 10:00:00+00', 'Mars/Olympus')).toThrow();
  });

  it('agrees with the calendar of JavaScript wherever that goes', () => {
    const zones = fc.constantFrom('UTC', 'America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Kolkata');
    const times = fc.date({
      min: new Date('1600-01-01T00:00:00Z'),
      max: new Date('9000-01-01T00:00:00Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(times, zones, (time, timeZone) => {
        const text = time.toISOString().replace('T', ' ').replace('Z', '+00');
        const expected = new Intl.DateTimeFormat('sv-SE', {
          timeZone,
          year: 'numeric',
          month: '2-digit',
          day: '2-digit',
        });
        expect(day(text, timeZone)).toBe(expected.format(time));
      }),
      { numRuns: 500 },
    );
  });
});

describe('dates gives every day of a stay', () => {
  it('counts days across a change of the clock', () => {
    expect(dates.apply('2026-03-07 23:00:00-05', '2026-03-09 01:00:00-04', 'America/New_York')).toEqual([
      '2026-03-07',
      '2026-03-08',
      '2026-03-09',
    ]);
  });

  it('refuses ranges without an end, or of more days than keys are allowed', () => {
    expect(() => dates.apply('2026-01-01', 'infinity', 'UTC')).toThrow('no end');
    expect(() => dates.apply('-infinity', '2026-01-01', 'UTC')).toThrow('no end');
    expect(() => dates.apply('2026-01-01', '2096-01-01', 'UTC')).toThrow('25568 days');
    expect(dates.apply('2026-01-01', '2028-09-26', 'UTC')).toHaveLength(1000);
  });
});
