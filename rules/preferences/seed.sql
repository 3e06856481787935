-- Tenants and users whose ids would collide as plain text, or act as patterns.
-- Tenant `a`, user `b:c` and tenant `a:b`, user `c` have the same ids joined by colons.
insert into preferences (tenant, user_id, name, value, confidence)
select tenant, user_id, name, to_jsonb(format('%s of %s', name, user_id)), confidence
from (values
  ('acme', 'u1'), ('acme', 'u2'), ('acme', 'u'), ('acme', 'u:1'),
  ('a', 'b:c'), ('a:b', 'c'), ('a', 'b'),
  ('acme*', 'u1'), ('*', '*'), ('acm?', 'u1'), ('[a]', '[*]'), ('back\slash', 'u\*'),
  ('with space', 'u 1'), ('😀', 'héllo 😀'), ('50%', 'a%3Ab')
) as owner (tenant, user_id),
(values ('theme', 0.9), ('language', 0.75), ('tone', 0.5)) as preference (name, confidence)
on conflict do nothing;

-- A user with many: loading a context aggregates all of them.
insert into preferences (tenant, user_id, name, value, confidence)
select 'acme', 'heavy', 'preference-' || n, jsonb_build_object('n', n, 'text', repeat('x', 40)), (n % 1000) / 1000.0
from generate_series(1, 1000) n
on conflict do nothing;
