-- The generic cell rate algorithm in one step. KEYS: the limit's key. ARGV: now, the time of a request, the time of a full
-- burst, in nanoseconds. Returns the wait, 0 where the request is admitted.
--
-- Times are doubles here: whole up to 2^53 nanoseconds, some hundred days. Where the clock is Redis's own, the key would
-- be set to expire with its time; the times of a benchmark are not Redis's.
local now, interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local begin = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local wait = begin + interval - burst - now
if wait > 0 then
  return string.format('%.0f', wait)
end
redis.call('SET', KEYS[1], string.format('%.0f', begin + interval))
return '0'
