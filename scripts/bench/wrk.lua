-- Sends the bodies of the file that BODIES names, one line each, round and round.
local bodies, at = {}, 0
local headers = {["X-API-KEY"] = os.getenv("BIGDATA_API_KEY"), ["Content-Type"] = "application/json"}

for line in io.lines(os.getenv("BODIES")) do
    bodies[#bodies + 1] = line
end

function request()
    at = at % #bodies + 1
    return wrk.format("POST", nil, headers, bodies[at])
end
