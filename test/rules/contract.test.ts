import { describe, expect, it } from 'vitest';
import { loadRules } from '../../src/rules/index.ts';

/** The examples of the rule language's contract; those that use what is not executed yet are refused for that alone. */
const codes = (text: string, path = 'a.yaml') => loadRules([{ path, text }]).findings.map(({ code }) => code);

describe('the examples of the contract', () => {
  it('a first file', () => {
    const text = `# yaml-language-server: $schema=./schema.json
edition: 1
rules:
  country:
    key: country:\${code}
    watch: countries
`;
    expect(codes(text)).toEqual([]);
  });

  it('inheritance over four levels', () => {
    const text = `edition: 1
trees:
  work:
    global:  { table: global_contexts, id: user_id }
    project: { table: project_contexts, parent: user_id }
    branch:  { table: branch_contexts,  parent: project_id, scope: [user_id] }
    task:    { table: task_contexts,    parent: branch_id }
  folders:
    root: { table: roots, single: true }
    folder: { table: folders, parent: { parent_id: folder, root_id: root } }
rules:
  context:
    key: ctx:\${user_id}:\${level}:\${id}
    tree: work
    ttl: 5m
    watch: { self: }
  inheritance:
    about: A node's context merged from all its ancestors.
    key: inherit:\${user_id}:\${level}:\${id}
    tree: work
    levels: [branch, task]
    watch: { self: [data], ancestors: [data] }
  children:
    key: children:\${level}:\${id}
    tree: work
    watch: { children: [name] }
`;
    expect(new Set(codes(text))).toEqual(new Set(['RULE_NOT_YET']));
  });

  it('strategy by table and by column, with every field of a rebuild', () => {
    const text = `edition: 1
namespace: pm
rules:
  project-dashboard:
    key: project:\${id}:dashboard
    ttl: 5m
    watch:
      projects:
      classifications: { bind: { id: project_id } }
      predicates:      { bind: { id: project_id }, columns: [label, confidence] }
    rebuild:
      sql: |
        select p.id, p.name, count(c.id)::int as classifications
        from projects p left join classifications c on c.project_id = p.id
        where p.id = \${id} group by p.id
      result: row
      store: hash
      only_if_cached: true
      empty: store
      debounce: 250ms
      concurrency: 4
      priority: 1
      schedule:
        every: 30m
        at_start: true
        select: select id from projects where status = 'active' order by updated_at desc limit 100
  by-http:
    key: page:\${slug}
    watch: { pages: { do: patch } }
    rebuild:
      http: { url: 'https://example.org/\${urlencode(slug)}', method: POST, headers: { accept: text/html }, timeout: 5s }
      store: hash
  user-projects:
    about: The app notes each list key in this set.
    index: idx:user:\${user_id}:project-lists
    watch:
      projects: { bind: { user_id: owner_id } }
      users:    { bind: { user_id: id } }
`;
    expect(codes(text)).toEqual(['RULE_NOT_YET', 'RULE_NOT_YET', 'RULE_NOT_YET']);
  });

  it('keys with a hash that only the application knows, per date', () => {
    const text = `edition: 1
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
`;
    expect(codes(text)).toEqual([]);
  });

  it('many-to-many', () => {
    const text = `edition: 1
rules:
  film-card:
    key: film:\${film_id}:card
    watch:
      film: [title, rating]
      film_actor:
      actor:
        columns: [first_name, last_name]
        lookup: select film_id from film_actor where actor_id = \${actor_id}
`;
    expect(codes(text)).toEqual(['RULE_NOT_YET']);
  });

  it('a test beside the rules', () => {
    const text = `edition: 1
tests:
  - name: a moved branch leaves one list, joins another, and its tasks inherit anew
    given:
      branch_contexts: [{ id: 10, project_id: 2, user_id: u }]
    change: { update: branch_contexts, row: { id: 10, project_id: 2, user_id: u }, was: { project_id: 1 } }
    expect:
      delete:
        - ctx:u:branch:10
        - children:project:2
`;
    expect(codes(text, 'a.test.yaml')).toEqual([]);
  });
});
