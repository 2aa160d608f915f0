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
        @broken = false
        @mutex = Thread::Mutex.new
        @opened = Thread::ConditionVariable.new
      end

      def wait
        @mutex.synchronize do
          @missing -= 1
          @opened.broadcast if @missing.zero?
          @opened.wait(@mutex) until @missing.zero? || @broken
          raise Failed, "another worker failed" if @broken
        end
      end

      # Somebody will not come.
      def break
        @mutex.synchronize do
          @broken = true
          @opened.broadcast
        end
      end
    end

    def initialize(run)
      @run = run
      @gate = Gate.new(run.records.size)
    end

    # True when there are results to judge, good or bad.
    def execute
      @run.begin
      client = start_client
      @run.job.settle(0)
      start_threads.each(&:join)
      listen(client) if client
      @run.end
      true
    ensure
      client&.kill
    end

    private

    # Before the threads: it is forked.
    def start_client
      job = @run.job
      return unless job.client?

      Child.new("the client", []) do
        job.settle(:client)
        KernelCalls.name_thread("client")
        job.serve_me
      end
    end

    def listen(client)
      heard = client.finish
      heard ? @run.job.heard(heard) : @run.complain(client.complaint)
    end

    def start_threads
      Array.new(@run.records.size) do |index|
        Thread.new { work(index) }
      rescue ThreadError => e
        raise Failed, "cannot start thread #{index + 1} of #{@run.records.size}: #{e.message}; " \
                      "use fewer workers (-w)"
      end
    end

    def work(index)
      worker = Worker.new(@run, index)
      worker.work { @gate.wait }
    rescue StandardError, ScriptError, NoMemoryError => e
      worker.record.error = "worker-#{index + 1} failed: #{Output.explain(e)}"
      @gate.break
      @run.job.abort
    end
  end
end
