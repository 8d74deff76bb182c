/**
 * The scripts that Redis runs: each is one step for everybody else, whatever it reads and writes.
 *
 * The first argument of each is the moment, in microseconds of the server's clock, after which it must do nothing: a client
 * that lost its connection may send what it was asked long after everybody has stopped waiting. Each answers with a word, the
 * server's time, and what there is to tell.
 */
import * as Redis from "effect/persistence/Redis"

/** Raised when a program of today could misread, or damage, what one of tomorrow has written. */
const FORMAT = "1"

export type Script = ReturnType<typeof script>

const script = (lua: string) =>
  Redis.script((keys: ReadonlyArray<string>, args: ReadonlyArray<string>) => [...keys, ...args], {
    lua,
    numberOfKeys: (keys) => keys.length
  }).withReturnType<unknown>()

/** Lua writes a number of 15 digits with an exponent, if it is not told how. */
const opening = `
local function kind(key) return redis.call('type', key).ok end
local function whole(number) return string.format('%.0f', number) end
local time = redis.call('time')
local now = time[1] * 1000000 + time[2]
local function answer(word, ...) return { word, whole(now), ... } end
if now > tonumber(ARGV[1]) then return answer('late') end
local store = kind(KEYS[1])
if store ~= 'none' then
  local format = store == 'hash' and redis.call('hget', KEYS[1], 'format')
  if format ~= '${FORMAT}' then return answer(tonumber(format or '') and 'newer' or 'damaged') end
end
`

/** `KEYS[2]` is the order. How many there are is counted apart: a server that evicts may have lost either. */
const ofEntries = `${opening}
local order = kind(KEYS[2])
if order ~= 'none' and order ~= 'zset' then return answer('damaged') end
local count = redis.call('hget', KEYS[1], 'count') or '0'
if count ~= whole(redis.call('zcard', KEYS[2])) then return answer('damaged') end
`

/**
 * The last key is the note that this write was done. Others may have written since when it is asked for again: to do it twice
 * would put back what they have replaced or removed. It comes first: whom the server lets do no such thing has changed nothing.
 */
const once = `${ofEntries}
if redis.call('exists', KEYS[#KEYS]) == 1 then return answer('ok') end
local function note()
  redis.call('set', KEYS[#KEYS], '', 'px', whole(math.floor((ARGV[1] - now) / 1000) + 1))
end
`

/** Ids after a place, in the order in which they were first put, each with its place. Arguments: after which, how many. */
export const page = script(`${ofEntries}
return answer('ok', redis.call('zrangebyscore', KEYS[2], ARGV[2], '+inf', 'withscores', 'limit', 0, ARGV[3]))
`)

/** Keys from the third on: entries; arguments from the second on: their ids. Nothing where nothing is, and nothing should be. */
export const read = script(`${ofEntries}
local found = {}
for n = 3, #KEYS do
  local known = redis.call('zscore', KEYS[2], ARGV[n - 1])
  local entry = kind(KEYS[n])
  if entry == 'none' and not known then
    found[n - 2] = {}
  elseif entry == 'hash' then
    found[n - 2] = redis.call('hmget', KEYS[n], 'version', 'line')
  else
    found[n - 2] = { false }
  end
end
return answer('ok', found)
`)

/** Keys: entry, lease, note. Arguments: id, version, line, `any`, `free` or `version`, the version expected, the fence or nothing. */
export const put = script(`${once}
local id, version, line, expects, expected, fence = unpack(ARGV, 2)
local entry = kind(KEYS[3])
local known = redis.call('zscore', KEYS[2], id)
if entry ~= 'none' and not (entry == 'hash' and known) then return answer('unreadable') end
local current = entry == 'hash' and redis.call('hget', KEYS[3], 'version')
if fence ~= '' then
  local lease = kind(KEYS[4])
  if lease ~= 'none' and lease ~= 'hash' then return answer('damagedLease') end
  if redis.call('hget', KEYS[4], 'fence') ~= fence then return answer('fenced') end
end
if expects == 'free' and known or expects == 'version' and current ~= expected then return answer('moved') end
note()
if not known then
  redis.call('hset', KEYS[1], 'format', '${FORMAT}')
  redis.call('hincrby', KEYS[1], 'count', 1)
  redis.call('zadd', KEYS[2], redis.call('hincrby', KEYS[1], 'last', 1), id)
end
redis.call('del', KEYS[3])
redis.call('hset', KEYS[3], 'version', version, 'line', line)
return answer('ok')
`)

/** Keys: entry, note. Arguments: id, `any` or `version`, the version expected. */
export const remove = script(`${once}
local id, expects, expected = unpack(ARGV, 2)
local entry = kind(KEYS[3])
local known = redis.call('zscore', KEYS[2], id)
if entry == 'none' and not known then return answer('none') end
local current = entry == 'hash' and redis.call('hget', KEYS[3], 'version')
if expects == 'version' and current ~= expected then return answer('moved') end
note()
redis.call('del', KEYS[3])
if known then
  redis.call('zrem', KEYS[2], id)
  redis.call('hincrby', KEYS[1], 'count', -1)
end
return answer('ok')
`)

/** `KEYS[2]` is the lease. Times in milliseconds; it is held until 0 once it was released. */
const ofLease = `${opening}
local lease = kind(KEYS[2])
if lease ~= 'none' and lease ~= 'hash' then return answer('damagedLease') end
local millis = math.floor(now / 1000)
`

/**
 * Arguments: who asks, for how long. Who asks twice, because the answer was lost, is given the same lease. More time left than
 * twice the whole life: the clock was set back, and the holder's time is over. A fence is never below the server's time, so
 * that fences grow even where the record of the last one was lost.
 */
export const grant = script(`${ofLease}
local holder, life = unpack(ARGV, 2)
local fence = 0
local mark = false
if lease == 'hash' then
  local last = redis.call('hmget', KEYS[2], 'fence', 'until', 'life', 'holder', 'mark')
  fence = tonumber(last[1] or '')
  local ends = tonumber(last[2] or '')
  local lasts = tonumber(last[3] or '')
  mark = last[5]
  if not (fence and ends and lasts and fence < 2^53 - 1) then return answer('damagedLease') end
  if ends > millis and ends - millis <= 2 * lasts then
    if last[4] == holder then return answer('ok', whole(fence), mark) end
    return answer('held')
  end
end
fence = whole(math.max(fence + 1, now))
redis.call('hset', KEYS[2], 'fence', fence, 'until', whole(millis + life), 'life', life, 'holder', holder)
return answer('ok', fence, mark)
`)

/** Arguments: the fence, for how long, `keep`, `set` or `clear`, the mark. */
export const extend = script(`${ofLease}
local fence, life, does, mark = unpack(ARGV, 2)
local last = redis.call('hmget', KEYS[2], 'fence', 'until')
if last[1] ~= fence or last[2] == '0' then return answer('fenced') end
redis.call('hset', KEYS[2], 'until', whole(millis + life))
if does == 'set' then redis.call('hset', KEYS[2], 'mark', mark) end
if does == 'clear' then redis.call('hdel', KEYS[2], 'mark') end
return answer('ok')
`)

/** Arguments: the fence. */
export const release = script(`${ofLease}
if redis.call('hget', KEYS[2], 'fence') == ARGV[2] then redis.call('hset', KEYS[2], 'until', '0') end
return answer('ok')
`)
