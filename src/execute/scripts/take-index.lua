-- Takes the set of an index away, so that readers begin a new one, and notes that it has to be cleared.
--
-- KEYS[1]  the index: a set whose members are keys
-- KEYS[2]  the list (a set) of sets that were taken away from this index and are not cleared yet
-- KEYS[3]  a name that was never used before
-- ARGV     none
--
-- Returns the names of all sets that are to be cleared: this one, and those of clears that broke off.
-- Fails with WRONGTYPE, changing nothing, if KEYS[1] is not a set.

local kind = redis.call('TYPE', KEYS[1])['ok']
if kind ~= 'set' and kind ~= 'none' then
  return redis.error_reply('WRONGTYPE an index is a set, and this is a ' .. kind)
end
if kind == 'set' then
  redis.call('RENAME', KEYS[1], KEYS[3])
  -- An index that expires would take the names of what is to be deleted with it.
  redis.call('PERSIST', KEYS[3])
  redis.call('SADD', KEYS[2], KEYS[3])
end
return redis.call('SMEMBERS', KEYS[2])
