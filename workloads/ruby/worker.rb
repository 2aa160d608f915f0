# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# frozen_string_literal: true

require_relative "kernel_calls"
require_relative "output"

module ConvoyWork
  # What a user can understand without knowing where in the source it happened.
  Failed = Class.new(StandardError)

  # How a task went. Times are CLOCK_MONOTONIC ns.
  Outcome = Struct.new(:start_ns, :end_ns, :result, :ok)

  # What is known of a worker. A worker process sends its own to the main process.
  Record = Struct.new(:worker, :pid, :tid, :start_ns, :end_ns, :schedstat, :outcomes) do
    def initialize(worker)
      super(worker)
      self.outcomes = {} # by number of the task
    end
  end

  # A thread or a process that executes tasks: here is what both do.
  class Worker
    attr_reader :record

    def initialize(run, index)
      @run = run
      @index = index
      @record = run.records[index]
    end

    # Returns when all tasks are done; the block returns when all workers have come that far.
    def work
      record.pid = Process.pid
      record.tid = KernelCalls.thread_id
      KernelCalls.name_thread("worker-#{record.worker}")
      yield
      before = KernelCalls.schedstat
      record.start_ns = KernelCalls.now
      @run.numbers_of(@index).each { |number| record.outcomes[number] = execute(@run.tasks[number]) }
      record.end_ns = KernelCalls.now
      after = KernelCalls.schedstat
      record.schedstat = difference(before, after) if before && after
    end

    private

    def difference(before, after)
      { "run_ns" => after[0] - before[0], "run_delay_ns" => after[1] - before[1] }
    end

    def execute(task)
      start_ns = KernelCalls.now
      log(start_ns, "#{task.name} started")
      result = task.call
      end_ns = KernelCalls.now
      took = end_ns - start_ns
      ok = result == task.expected && took >= task.min_ns
      log(end_ns, format("%s finished after %.6f s: %s%s", task.name, took / 1e9, result,
                         ok ? "" : ", which is WRONG"))
      Outcome.new(start_ns, end_ns, result, ok)
    end

    def log(at_ns, text)
      return unless @run.params.verbose

      Output.say(format("%10.6f s  worker-%d (pid %d, tid %d)  %s", (at_ns - @run.start_ns) / 1e9,
                        record.worker, record.pid, record.tid, text))
    end
  end
end
