# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# frozen_string_literal: true

require_relative "child"
require_relative "worker"

module ConvoyWork
  # Workers as threads of one process: the modes serial and threads.
  class ThreadMode
    # All meet here before the first of them begins.
    class Gate
      def initialize(count)
        @missing = count
        @mutex = Thread::Mutex.new
        @opened = Thread::ConditionVariable.new
      end

      def wait
        @mutex.synchronize do
          @missing -= 1
          @opened.broadcast if @missing.zero?
          @opened.wait(@mutex) until @missing.zero?
        end
      end
    end

    def initialize(run)
      @run = run
      @job = run.job
      @gate = Gate.new(run.records.size)
      @ended = Thread::Queue.new
    end

    # True when there are results to judge; false after a message.
    def execute
      @run.start
      client = Child.client(@job, []) if @job.client?
      @job.settle(0)
      threads = start_threads
      return false unless all_ended?

      threads.each(&:join)
      return false if client && !listen(client)

      @run.finish
      true
    ensure
      client&.kill
    end

    private

    def start_threads
      Array.new(@run.records.size) do |index|
        Thread.new { @ended << error_of(index) }
      rescue ThreadError => e
        raise Failed, "cannot start thread #{index + 1} of #{@run.records.size}: #{e.message}; " \
                      "use fewer workers (-w)"
      end
    end

    # What went wrong in this worker, or nil.
    def error_of(index)
      Worker.new(@run, index).work { @gate.wait }
      nil
    rescue StandardError, ScriptError, NoMemoryError => e
      "worker-#{index + 1} failed: #{Output.explain(e)}"
    end

    # The first that fails is enough: others may wait for it for ever. They end with this process.
    def all_ended?
      @run.records.each do
        error = @ended.pop
        next unless error

        Output.say(error)
        return false
      end
      true
    end

    def listen(client)
      heard = client.finish
      Output.say(client.complaint) unless heard
      @job.heard(heard) if heard
      !heard.nil?
    end
  end
end
