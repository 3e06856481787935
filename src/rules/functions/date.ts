import { checkZone, dayIn, formatDay, parseMoment } from './calendar.ts';
import type { TemplateFunction } from './define.ts';

/**
 * A time without an offset is UTC, or one of the source zone. A value of type `date` has no time that could be moved into
 * another zone, so it stays the day that it is.
 */
export const date: TemplateFunction = {
  name: 'date',
  about:
    'The day of a timestamp in a time zone, daylight saving included. A time without an offset is taken as UTC, or as one of the source zone; a plain date stays as it is.',
  arguments: ['timestamp', 'zone', 'source zone?'],
  apply(text = '', zone = 'UTC', sourceZone = 'UTC') {
    const moment = parseMoment(text);
    return typeof moment === 'string' ? moment : formatDay(dayIn(moment, zone, sourceZone));
  },
  check: ([, zone, sourceZone]) => checkZone(zone) ?? checkZone(sourceZone),
  examples: [
    { call: ['2026-03-08 07:30:00.123456+00', 'America/New_York'], gives: '2026-03-08' },
    { call: ['2026-03-09 03:59:59+00', 'America/New_York'], gives: '2026-03-08' },
    { call: ['2026-03-09 04:00:00+00', 'America/New_York'], gives: '2026-03-09' },
    { call: ['2026-06-01 23:30:00', 'Europe/Berlin'], gives: '2026-06-02' },
    { call: ['2026-06-01 23:30:00', 'Europe/Berlin', 'Europe/Berlin'], gives: '2026-06-01' },
    { call: ['2026-03-08', 'America/New_York'], gives: '2026-03-08' },
    { call: ['0044-03-15 10:00:00+00 BC', 'Europe/Rome'], gives: '0044-03-15 BC' },
    { call: ['294276-12-31 23:59:59+00', 'Asia/Tokyo'], gives: '294277-01-01' },
    { call: ['infinity', 'UTC'], gives: 'infinity' },
  ],
};
