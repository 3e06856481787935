import { checkZone, dayIn, formatDay, parseMoment } from './calendar.ts';
import type { TemplateFunction } from './define.ts';
import { MOST_KEYS, TooManyKeys } from './limit.ts';

/** Both ends count, also an end at midnight: one day too many is a miss, one too few is a stale entry. */
export const dates: TemplateFunction = {
  name: 'dates',
  about:
    'One key a day from one timestamp to another, both included, in a time zone. Times without an offset as with `date`. A range without end is widened.',
  arguments: ['from', 'to', 'zone', 'source zone?'],
  apply(from = '', to = '', zone = 'UTC', sourceZone = 'UTC') {
    const ends = [parseMoment(from), parseMoment(to)].map((moment) =>
      typeof moment === 'string' ? undefined : dayIn(moment, zone, sourceZone),
    );
    const [one, other] = ends;
    if (one === undefined || other === undefined) throw new TooManyKeys(`no end of days: ${from} to ${to}`);
    const first = Math.min(one, other);
    const length = Math.abs(one - other) + 1;
    if (length > MOST_KEYS) throw new TooManyKeys(`${length} days: ${from} to ${to}`);
    return Array.from({ length }, (_, index) => formatDay(first + index));
  },
  check: ([, , zone, sourceZone]) => checkZone(zone) ?? checkZone(sourceZone),
  examples: [
    { call: ['2026-02-27', '2026-03-01', 'UTC'], gives: ['2026-02-27', '2026-02-28', '2026-03-01'] },
    {
      call: ['2026-06-01 21:30:00+00', '2026-06-02 22:30:00+00', 'Europe/Berlin'],
      gives: ['2026-06-01', '2026-06-02', '2026-06-03'],
    },
    { call: ['2026-06-02', '2026-06-01', 'UTC'], gives: ['2026-06-01', '2026-06-02'] },
  ],
};
