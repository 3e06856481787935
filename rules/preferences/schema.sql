-- System 4: preferences per tenant and user. The application reads and writes these tables; it knows of no cache.
create table preferences (
  tenant text not null,
  user_id text not null,
  name text not null,
  value jsonb not null,
  confidence numeric(4, 3) not null default 0.5 check (confidence between 0 and 1),
  updated_at timestamptz not null default now(),
  primary key (tenant, user_id, name)
);
