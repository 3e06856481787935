-- Deletes a set that has been cleared, and strikes it off the list.
--
-- KEYS[1]  the set that was taken away and is cleared now
-- KEYS[2]  the list that names it
-- ARGV     none
--
-- Returns nothing of interest.

redis.call('UNLINK', KEYS[1])
return redis.call('SREM', KEYS[2], KEYS[1])
