-- Pop, then acknowledge everything that came: path=/api/v1/pop/queue/NAME?batch=N.
--
-- wrk does not say over which connection an answer came, and a lease does not ask: an ack that is due goes
-- out with the next request, whichever connection that is. A message counts when its ack is answered.

dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "window.lua")

local content, due, first_due, last_due = nil, {}, 1, 0
local DONE = '"success":true'
local ACK_HEADERS = { ["Content-Type"] = "application/json" }

function init(arguments)
  wrk.path = read_options(arguments).path
  content = wrk.format("GET")
end

function request()
  tick()
  if last_due < first_due then return content end
  local ack = due[first_due]
  due[first_due] = nil
  first_due = first_due + 1
  return wrk.format("POST", "/api/v1/ack/batch", ACK_HEADERS, ack)
end

local function ack_of(body)
  local lease = body:match('"leaseId":"([^"]*)"')
  local partition = body:match('"partitionId":"([^"]*)"')
  local rest = '","partitionId":"' .. partition .. '","leaseId":"' .. lease .. '","status":"completed"}'
  local items = {}
  for id in body:gmatch('"transactionId":"([^"]*)"') do
    items[#items + 1] = '{"transactionId":"' .. id .. rest
  end
  return '{"acknowledgments":[' .. table.concat(items, ",") .. ']}'
end

function response(status, _, body)
  if status == 204 then
    empty_answers = empty_answers + 1
  elseif body:byte(1) == 91 then  -- an array: the answer to an ack
    local at = 1
    while true do
      at = body:find(DONE, at, true)
      if not at then break end
      messages, at = messages + 1, at + #DONE
    end
  elseif status == 200 then
    last_due = last_due + 1
    due[last_due] = ack_of(body)
  end
end
