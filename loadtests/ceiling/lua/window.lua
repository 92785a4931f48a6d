-- The measured window of one wrk run, shared by the scripts beside it. One thread, closed loop.
--
-- wrk calls request() for the first request of each connection and then once after every answer, so the
-- n-th call stands for answer n - connections. The window opens with the first call after the warm-up, but not
-- before there are as many answers as connections (many clients with large requests are slow to begin), and
-- closes with the first one after the measured time: its edges are answers, and nothing is rounded. wrk's own
-- duration is in whole seconds; the script ends the run itself, and the duration is the last resort.
--
-- What done() reads must be a global: it runs in another Lua state than the thread.

local ffi = require("ffi")
ffi.cdef[[
typedef struct { long seconds; long nanoseconds; } queen_timespec;
int clock_gettime(int clock, queen_timespec *now);
int getpid(void);
int kill(int pid, int signal);
]]
local REALTIME, MONOTONIC, PROCESS_CPU, SIGINT = 0, 1, 2, 2
local time = ffi.new("queen_timespec")

local function clock(number)
  ffi.C.clock_gettime(number, time)
  return tonumber(time.seconds) + tonumber(time.nanoseconds) * 1e-9
end

function realtime_s() return clock(REALTIME) end

calls, messages, empty_answers = 0, 0, 0
opened_s, opened_calls, opened_messages = 0, 0, 0
window_s, window_calls, window_messages = 0, 0, 0
local opens_s, measure_s, first_calls

-- The options that were given behind "--", as name=value.
function read_options(arguments)
  local options = {}
  for _, word in ipairs(arguments) do
    local name, value = word:match("^([%w_]+)=(.*)$")
    if name then options[name] = value end
  end
  measure_s = tonumber(options.measure_s)
  first_calls = 2 * tonumber(options.connections)
  opens_s = clock(MONOTONIC) + tonumber(options.warmup_s)
  return options
end

-- To be called by every request().
function tick()
  calls = calls + 1
  local now_s = clock(MONOTONIC)
  if opened_s == 0 then
    if now_s >= opens_s and calls >= first_calls then
      opened_s, opened_calls, opened_messages = now_s, calls, messages
    end
  elseif window_s == 0 and now_s >= opened_s + measure_s then
    window_s = now_s - opened_s
    window_calls = calls - opened_calls
    window_messages = messages - opened_messages
    wrk.thread:stop()
    ffi.C.kill(ffi.C.getpid(), SIGINT)
  end
end

local measuring
function setup(thread)
  measuring = thread
end

-- The last line of wrk's output: one JSON object. Latencies are those of the whole run.
function done(summary, latency, _)
  local errors = summary.errors
  local function of(name) return measuring:get(name) or 0 end
  io.write(string.format(
    '\n{"window_s":%.6f,"window_answers":%d,"window_messages":%d,"answers":%d,"messages":%d,"empty":%d,'
    .. '"bad_status":%d,"broken":%d,"timeouts":%d,"p50_us":%d,"p99_us":%d,"cpu_s":%.6f}\n',
    of("window_s"), of("window_calls"), of("window_messages"), summary.requests, of("messages"),
    of("empty_answers"), errors.status, errors.connect + errors.read + errors.write, errors.timeout,
    latency:percentile(50), latency:percentile(99), clock(PROCESS_CPU)))
end
