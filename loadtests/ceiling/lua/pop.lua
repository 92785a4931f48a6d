-- Auto-acknowledged pops: path=/api/v1/pop/queue/NAME?batch=N&autoAck=true. Counts what the answers carry.
--
-- With groups=A,B,… and group_messages=N these groups take turns: when so many messages have come the next one
-- reads. Pops that are under way at that moment may find nothing.

dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "window.lua")

local contents, turn, group_messages = {}, 1, math.huge
local A_MESSAGE = '"leaseExpiries":'  -- stands once in each

function init(arguments)
  local options = read_options(arguments)
  for group in (options.groups or ""):gmatch("[^,]+") do
    wrk.path = options.path .. "&consumerGroup=" .. group
    contents[#contents + 1] = wrk.format("GET")
  end
  if #contents > 0 then
    group_messages = tonumber(options.group_messages)
  else
    wrk.path = options.path
    contents[1] = wrk.format("GET")
  end
end

function request()
  tick()
  return contents[turn]
end

function response(status, _, body)
  local found, at = 0, 1
  while true do
    at = body:find(A_MESSAGE, at, true)
    if not at then break end
    found, at = found + 1, at + #A_MESSAGE
  end
  if found == 0 then empty_answers = empty_answers + 1 end
  messages = messages + found
  if messages >= turn * group_messages and turn < #contents then turn = turn + 1 end
end
