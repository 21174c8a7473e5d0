-- For wrk: sends the bodies of a file in turn, one a line, to the URL's path, and tells its figures as one line of JSON.
-- Arguments after "--": the file, then any number of headers as Name=value.
local requests, sent = {}, 0

function init(arguments)
  local headers = { ["Content-Type"] = "application/json" }
  for position = 2, #arguments do
    local name, value = arguments[position]:match("^([^=]+)=(.*)$")
    headers[name] = value
  end
  for body in io.lines(arguments[1]) do
    requests[#requests + 1] = wrk.format("POST", wrk.path, headers, body)
  end
end

function request()
  sent = sent % #requests + 1
  return requests[sent]
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  local line = '{"requests": %d, "failed": %d, "bytes": %d, "microseconds": %d, "p50": %d, "p99": %d}\n'
  io.write(line:format(summary.requests, failed, summary.bytes, summary.duration,
    latency:percentile(50), latency:percentile(99)))
end
