-- Pushes: a template of the body, rendered beforehand, gets the request's own number and its partition.
--
-- Options: template=FILE, partitions=N, tag=PREFIX. In the template \1 stands for "PREFIX-NUMBER" (the
-- transactionIds are "PREFIX-NUMBER-ITEM") and \2 for the number of the partition.

dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "window.lua")

local parts, number_slots, partition_slots = {}, {}, {}
local partitions, tag

function init(arguments)
  local options = read_options(arguments)
  partitions, tag = tonumber(options.partitions), options.tag
  local file = assert(io.open(options.template, "rb"))
  local template = file:read("*a")
  file:close()
  for text, mark in template:gmatch("([^\1\2]*)([\1\2]?)") do
    parts[#parts + 1] = text
    if mark ~= "" then
      parts[#parts + 1] = ""
      local slots = mark == "\1" and number_slots or partition_slots
      slots[#slots + 1] = #parts
    end
  end
  wrk.method = "POST"
  wrk.path = "/api/v1/push"
  wrk.headers["Content-Type"] = "application/json"
end

function request()
  tick()
  local number = tag .. "-" .. calls
  local partition = tostring(calls % partitions)
  for i = 1, #number_slots do parts[number_slots[i]] = number end
  for i = 1, #partition_slots do parts[partition_slots[i]] = partition end
  return wrk.format(nil, nil, nil, table.concat(parts))
end
