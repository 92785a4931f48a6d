-- Pushes: a template of the body, rendered beforehand, gets transactionIds of its own and its partition.
--
-- Options: template=FILE, partitions=N, tag=PREFIX, ids=counting|uuid7|uuid4. In the template each \1 stands for
-- "PREFIX-NUMBER", the next number in nine digits, \2 for the number of the partition and each \3 for a UUID of its
-- own: one of this millisecond, or a random one (RFC 9562).

dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "window.lua")

local parts, number_slots, partition_slots, uuid_slots = {}, {}, {}, {}
local slots_of = { ["\1"] = number_slots, ["\2"] = partition_slots, ["\3"] = uuid_slots }
local partitions, tag, ids
local numbered = 0

local random, floor = math.random, math.floor
local function uuid4()
  return string.format("%08x-%04x-4%03x-%04x-%012x", random(0, 0xffffffff), random(0, 0xffff), random(0, 0xfff),
    random(0x8000, 0xbfff), random(0, 0xffffffffffff))
end
local function uuid7(millisecond)
  return string.format("%08x-%04x-7%03x-%04x-%012x", floor(millisecond / 0x10000), millisecond % 0x10000,
    random(0, 0xfff), random(0x8000, 0xbfff), random(0, 0xffffffffffff))
end

function init(arguments)
  local options = read_options(arguments)
  partitions, tag, ids = tonumber(options.partitions), options.tag, options.ids
  math.randomseed(realtime_s() * 1e6)
  local file = assert(io.open(options.template, "rb"))
  local template = file:read("*a")
  file:close()
  for text, mark in template:gmatch("([^\1\2\3]*)([\1\2\3]?)") do
    parts[#parts + 1] = text
    if mark ~= "" then
      parts[#parts + 1] = ""
      local slots = slots_of[mark]
      slots[#slots + 1] = #parts
    end
  end
  wrk.method = "POST"
  wrk.path = "/api/v1/push"
  wrk.headers["Content-Type"] = "application/json"
end

function request()
  tick()
  local partition = tostring(calls % partitions)
  for i = 1, #number_slots do
    numbered = numbered + 1
    parts[number_slots[i]] = string.format("%s-%09d", tag, numbered)
  end
  for i = 1, #partition_slots do parts[partition_slots[i]] = partition end
  local millisecond = floor(realtime_s() * 1000)
  for i = 1, #uuid_slots do
    parts[uuid_slots[i]] = ids == "uuid7" and uuid7(millisecond) or uuid4()
  end
  return wrk.format(nil, nil, nil, table.concat(parts))
end
