# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# ruby_work.rb threads|forked|processes|idle - what a Ruby programmer would write: three that
# compute, as threads, as threads of a forked process, or as processes; or two that compute and
# two that wait for something else than the GVL, on the same condition variables.
#
# Runs with every Ruby from 2.6 on. Prints what it is, and what each worker took by its own
# clock, as JSON.
WORKERS = 3
CPU_S = 0.4	# of CPU time, each: several turns of the GVL's 100 ms
NAPS = 8
NAP_S = 0.06
LULL_S = 0.5	# for which a queue stays empty

def now
  Process.clock_gettime(Process::CLOCK_MONOTONIC)
end

def cpu_time
  Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID)
end

def tid
  File.readlink("/proc/thread-self").split("/").last.to_i
end

def compute
  x = 1
  10_000.times { x = (x * 5 + 3) & 65_535 } until cpu_time > CPU_S
  nil
end

# What a thread did: who it was, how long it lived and computed, how long it had nothing to do
# at least, by what the block says; and how long it can have been there at most.
def measured(what, made = now)
  from = now
  idle = yield
  {what: what, tid: tid, pid: Process.pid, lived_ns: ((now - from) * 1e9).to_i,
   cpu_ns: (cpu_time * 1e9).to_i, idle_ns: ((idle || 0) * 1e9).to_i,
   there_ns: ((now - made) * 1e9).to_i}
end

def thread(what, &body)
  made = now
  Thread.new { measured(what, made, &body) }
end

def in_threads
  Array.new(WORKERS) { thread("compute") { compute } }.map(&:value)
end

# What the block gives, in a child.
def in_child(&body)
  reader, writer = IO.pipe
  pid = fork do
    reader.close
    writer.write(Marshal.dump(body.call))
    writer.close
    exit!(0)
  end
  writer.close
  [pid, reader]
end

def result_of((pid, reader))
  result = Marshal.load(reader.read)
  Process.wait(pid)
  result
end

def naps
  NAPS.times { sleep NAP_S }
  NAPS * NAP_S
end

def idle
  queue = Queue.new
  lull = nil
  threads = [thread("compute") { compute }, thread("compute") { compute },
             thread("naps") { naps },
             thread("queue") { queue.pop && lull }]
  # It is counted as waiting while it has the GVL, and seen to be so once it has not.
  sleep 0.01 until queue.num_waiting == 1
  from = now
  sleep LULL_S
  lull = now - from
  queue << true
  threads.map(&:value)
end

def json(value)
  case value
  when Hash then "{" + value.map { |key, of| "#{json(key.to_s)}: #{json(of)}" }.join(", ") + "}"
  when Array then "[" + value.map { |of| json(of) }.join(", ") + "]"
  else value.inspect
  end
end

workers =
  case ARGV.fetch(0)
  when "threads" then in_threads
  when "forked" then result_of(in_child { in_threads })
  when "processes"
    Array.new(WORKERS) { in_child { measured("compute") { compute } } }.map { |child| result_of(child) }
  when "idle" then idle
  end
puts json(implementation: "Ruby", release: RUBY_VERSION, version: RUBY_VERSION, pid: Process.pid, workers: workers)
