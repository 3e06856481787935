import { describe, expect, it } from 'vitest';
import { explainTestChange, runRuleTest } from '../../src/plan/index.ts';
import { loadRules, type RuleSet } from '../../src/rules/index.ts';

function load(text: string): RuleSet {
  const { ruleSet, findings } = loadRules([{ path: 'rules.yaml', text }]);
  if (!ruleSet) throw new Error(JSON.stringify(findings));
  return ruleSet;
}

/** Name of each test of a file to what was wrong. */
function results(text: string): Readonly<Record<string, unknown>> {
  const ruleSet = load(text);
  expect(ruleSet.tests.length).toBeGreaterThan(0);
  return Object.fromEntries(
    ruleSet.tests.map((test) => {
      const { ok, missing, extra } = runRuleTest(ruleSet, test);
      return [test.name, ok ? 'ok' : { missing, extra }];
    }),
  );
}

const BOOKINGS = `
edition: 1
namespace: myhibachi
rules:
  booking-stats:
    pattern: booking:stats:*
    scan: accept
    watch: bookings
  booking-availability:
    pattern: booking:availability:\${date(event_at, 'America/New_York')}:*
    scan: accept
    watch: { bookings: [event_at, status, party_size] }
tests:
  - name: a late booking belongs to the day in New York
    change: { insert: bookings, row: { id: 1, event_at: '2026-03-08 04:30:00+00' } }
    expect: { scan: ['myhibachi:booking:stats:*', 'myhibachi:booking:availability:2026-03-07:*'] }
  - name: a booking that moves touches both days
    change: { update: bookings, row: { id: 1, event_at: '2026-03-09 16:00:00+00' }, was: { event_at: '2026-03-08 16:00:00+00' } }
    expect:
      scan:
        - myhibachi:booking:stats:*
        - myhibachi:booking:availability:2026-03-08:*
        - myhibachi:booking:availability:2026-03-09:*
  - name: a note changes no availability
    change: { update: bookings, row: { id: 1, event_at: '2026-03-09 16:00:00+00', note: a }, was: { note: b } }
    expect: { scan: ['myhibachi:booking:stats:*'] }
  - name: a date that cannot be read is searched for
    change: { insert: bookings, row: { id: 1, event_at: tomorrow } }
    expect: { scan: ['myhibachi:booking:stats:*', 'myhibachi:booking:availability:*:*'] }
`;

const PROJECTS = `
edition: 1
namespace: pm
rules:
  project-detail:
    key: project:\${id}:detail
    watch: projects
  project-dashboard:
    key: project:\${id}:dashboard
    watch:
      projects:
      classifications: { bind: { id: project_id } }
      predicates:      { bind: { id: project_id }, columns: [label, confidence] }
  user-projects:
    index: idx:user:\${user_id}:project-lists
    watch:
      projects: { bind: { user_id: owner_id } }
      users:    { bind: { user_id: id } }
  confirmed:
    key: confirmed:\${id}
    watch: { projects: { becomes: { price: 1.50, code: 007 } } }
tests:
  - name: a classification touches the dashboards of its projects, the old one's too
    change: { update: classifications, row: { id: 5, project_id: 2 }, was: { project_id: 1 } }
    expect: { delete: ['pm:project:1:dashboard', 'pm:project:2:dashboard'] }
  - name: a predicate touches it only by two of its columns
    changes:
      - { update: predicates, row: { id: 5, project_id: 1, note: a }, was: { note: b } }
      - { update: predicates, row: { id: 6, project_id: 2, label: a }, was: { label: b } }
    expect: { delete: ['pm:project:2:dashboard'] }
  - name: an update without old row is widened where the key is not the primary key
    change: { update: projects, row: { id: 7, owner_id: 3 } }
    expect:
      delete: ['pm:project:7:detail', 'pm:project:7:dashboard']
      clear: ['pm:idx:user:3:project-lists']
      scan: ['pm:idx:user:*:project-lists']
  - name: a truncate finds everything
    change: { truncate: users }
    expect: { scan: ['pm:idx:user:*:project-lists'] }
  - name: values are compared as they are written
    changes:
      - { insert: projects, row: { id: 1, price: 1.50, code: 007 } }
      - { insert: projects, row: { id: 2, price: 1.5, code: 7 } }
    expect:
      delete: ['pm:confirmed:1', 'pm:project:1:detail', 'pm:project:1:dashboard', 'pm:project:2:detail', 'pm:project:2:dashboard']
  - name: an id above 2^53 keeps every digit
    change: { delete: projects, row: { id: 9007199254740993 } }
    expect: { delete: ['pm:project:9007199254740993:detail', 'pm:project:9007199254740993:dashboard'] }
  - name: a table that nobody watches touches nothing
    change: { insert: others, row: { id: 1 } }
    expect: nothing
`;

describe('rule files from text to keys', () => {
  it.each([
    ['bookings by day', BOOKINGS],
    ['strategy by table and column', PROJECTS],
  ])('do what their own tests say: %s', (_, text) => {
    expect(Object.entries(results(text)).filter(([, result]) => result !== 'ok')).toEqual([]);
  });

  it('explain the same keys', () => {
    const ruleSet = load(PROJECTS);
    const change = { op: 'update', table: 'public.projects', row: { id: '7', owner_id: '3' }, unsent: [] } as const;
    const { effects, passed } = explainTestChange(ruleSet, change);
    expect(effects.map(({ verb, key }) => `${verb} ${key}`)).toEqual([
      'delete pm:project:7:dashboard',
      'delete pm:project:7:detail',
      'clear pm:idx:user:3:project-lists',
      'scan pm:idx:user:*:project-lists',
    ]);
    expect(passed).toEqual([{ rule: 'confirmed', because: 'the row did not become price = 1.50 and code = 007' }]);
  });
});
