-- A rolling window in one step: the times of what was admitted, in a sorted set. KEYS: the limit's key. ARGV: now, the
-- window's length, in nanoseconds; how many it holds. Returns the wait, 0 where the request is admitted.
local now, per, allow = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - per))
if redis.call('ZCARD', KEYS[1]) < allow then
  -- Members of a set differ, times need not.
  local member = redis.call('INCR', KEYS[1] .. ':members')
  redis.call('ZADD', KEYS[1], ARGV[1], member)
  return '0'
end
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return string.format('%.0f', tonumber(oldest[2]) + per - now)
