-- A rolling window in one step: the times of what was admitted, the latest first. KEYS: the limit's key. ARGV: now, in whole
-- seconds and nanoseconds beyond; the window's length in nanoseconds; how many it holds. Returns the wait in nanoseconds, 0
-- where the request is admitted.
--
-- A list and not a sorted set, whose scores are numbers of 53 bits.
local seconds, nanos, per, allow = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local function age_of_oldest()
  local oldest = redis.call('LINDEX', KEYS[1], -1)
  if not oldest then
    return nil
  end
  local then_seconds, then_nanos = string.match(oldest, '(%d+):(%d+)')
  return (seconds - then_seconds) * 1e9 + nanos - then_nanos
end
local age = age_of_oldest()
while age and age >= per do
  redis.call('RPOP', KEYS[1])
  age = age_of_oldest()
end
if redis.call('LLEN', KEYS[1]) < allow then
  redis.call('LPUSH', KEYS[1], ARGV[1] .. ':' .. ARGV[2])
  return 0
end
return per - age
