-- Auto-acknowledged pops: path=/api/v1/pop/queue/NAME?batch=N&autoAck=true. Counts what the answers carry.

dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "window.lua")

local content
local A_MESSAGE = '"leaseExpiries":'  -- stands once in each

function init(arguments)
  wrk.path = read_options(arguments).path
  content = wrk.format("GET")
end

function request()
  tick()
  return content
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
end
