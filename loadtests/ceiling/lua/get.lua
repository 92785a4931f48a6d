-- One GET again and again: path=/livez.

dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "window.lua")

local content

function init(arguments)
  wrk.path = read_options(arguments).path
  content = wrk.format("GET")
end

function request()
  tick()
  return content
end
