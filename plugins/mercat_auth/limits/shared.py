"""Counters that all processes share, in Redis; each call is one script, which nobody gets between.

Every key expires, an hour after it was last of use at most, and a known place after
`known_address_days`: what is kept is bounded by how many attempts the limits let through.
"""

from collections.abc import Awaitable
from typing import Any, cast

from redis.asyncio import Redis

from mercat_auth.limits.places import Place
from mercat_auth.limits.rules import WINDOW_SECONDS, Rule

# KEYS: address, or address, pair, account, known. ARGV: free, longest, strangers, address's free,
# window, whether the place is proven, whether to ask, whether to count. Answers milliseconds.
_ATTEMPT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local free, longest, strangers = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local address_free, window = tonumber(ARGV[4]), tonumber(ARGV[5])
local has_account = #KEYS == 4
local known = ARGV[6] == '1' or (has_account and redis.call('EXISTS', KEYS[4]) == 1)

local function wait_of(key)
  return math.max(0, tonumber(redis.call('HGET', key, 'until') or 0) - now)
end

local function add(key, most)
  local number = redis.call('HINCRBY', key, 'number', 1)
  if number == 1 then redis.call('PEXPIRE', key, window) end
  if number >= most then
    local seconds = math.min(longest, 2 ^ math.min(number - most, 30))
    redis.call('HSET', key, 'until', string.format('%.0f', now + seconds * 1000))
  end
end

if ARGV[7] == '1' then
  local wait = 0
  if has_account then wait = wait_of(KEYS[2]) end
  if not known then
    wait = math.max(wait, wait_of(KEYS[1]))
    if has_account and tonumber(redis.call('GET', KEYS[3]) or 0) >= strangers then
      wait = math.max(wait, redis.call('PTTL', KEYS[3]), 1)
    end
  end
  if wait > 0 then return math.ceil(wait) end
end
if ARGV[8] == '1' then
  if has_account then
    add(KEYS[2], free)
    redis.call('PEXPIRE', KEYS[2], window)
  end
  if not known then
    add(KEYS[1], address_free)
    if has_account and redis.call('INCR', KEYS[3]) == 1 then
      redis.call('PEXPIRE', KEYS[3], window)
    end
  end
end
return 0
"""

# KEYS: address, or address, account, known, and what is forgotten. ARGV: for how many seconds the
# place is known, none where 0; whether the attempt was counted before.
_FORGIVE = """
local has_account = #KEYS > 1
local known = has_account and redis.call('EXISTS', KEYS[3]) == 1
for index = 4, #KEYS do redis.call('DEL', KEYS[index]) end
if ARGV[2] == '1' and not known then
  if tonumber(redis.call('HGET', KEYS[1], 'number') or 0) > 0 then
    redis.call('HINCRBY', KEYS[1], 'number', -1)
  end
  if has_account and tonumber(redis.call('GET', KEYS[2]) or 0) > 0 then
    redis.call('DECR', KEYS[2])
  end
end
if has_account and tonumber(ARGV[1]) > 0 then redis.call('SET', KEYS[3], 1, 'EX', ARGV[1]) end
return 0
"""


class SharedCounters:
    """One engine's. Raises what redis-py raises where Redis doesn't answer."""

    def __init__(self, redis: Redis) -> None:
        self._attempt = redis.register_script(_ATTEMPT)
        self._forgive = redis.register_script(_FORGIVE)

    async def attempt(self, place: Place, rule: Rule, *, is_known: bool, counts: bool) -> float:
        """How many seconds an attempt has to wait; counts one that has not."""
        return await self._run(place, rule, is_known=is_known, asks=True, counts=counts)

    async def count(self, place: Place, rule: Rule, *, is_known: bool) -> None:
        """Count an attempt."""
        await self._run(place, rule, is_known=is_known, asks=False, counts=True)

    async def forgive(self, place: Place, rule: Rule, *others: str) -> None:
        """Take back an attempt that succeeded, and all before it from that place, known now."""
        keys = [place.address]
        if place.pair and place.account and place.known:
            keys += [place.account, place.known, place.pair, *others]
        seconds = rule.known_seconds if rule.proves else 0
        answer = self._forgive(keys=keys, args=[seconds, int(rule.counts_first)])
        await cast("Awaitable[Any]", answer)

    async def _run(
        self, place: Place, rule: Rule, *, is_known: bool, asks: bool, counts: bool
    ) -> float:
        keys = [place.address]
        if place.pair and place.account and place.known:
            keys += [place.pair, place.account, place.known]
        numbers = [rule.free, rule.longest, rule.strangers, rule.address, 1000 * WINDOW_SECONDS]
        flags = [int(is_known), int(asks), int(counts)]
        answer = self._attempt(keys=keys, args=[*numbers, *flags])
        return int(await cast("Awaitable[Any]", answer)) / 1000
