-- The generic cell rate algorithm in one step. KEYS: the limit's key. ARGV: now, in whole seconds and nanoseconds beyond; the
-- time of a request and that of a full burst, in nanoseconds. Returns the wait in nanoseconds, 0 where it is admitted.
--
-- Lua's numbers hold 53 bits: moments are kept in two, and only their differences are nanoseconds. Where now is the time of
-- Redis's own clock, the key would be set to expire as well; a benchmark makes its time up.
local seconds, nanos, interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local known_seconds, known_nanos = string.match(redis.call('GET', KEYS[1]) or '0:0', '(%d+):(%d+)')
local ahead = math.max((known_seconds - seconds) * 1e9 + known_nanos - nanos, 0)
if ahead + interval > burst then
  return ahead + interval - burst
end
local moved = nanos + ahead + interval
redis.call('SET', KEYS[1], string.format('%d:%d', seconds + math.floor(moved / 1e9), moved % 1e9))
return 0
