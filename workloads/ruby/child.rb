# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# frozen_string_literal: true

require "socket"
require_relative "kernel_calls"
require_relative "output"
require_relative "worker"

module ConvoyWork
  # A forked process, and the line on which it says that it is ready and how it went. It ends
  # with the main process, however that ends.
  class Child
    READY = "r"
    GO = "g"

    attr_reader :name, :pid, :line, :complaint

    # The block runs in the child, is given its end of the line, and returns what the main
    # process shall hear. The ends in `others` are the main process's own.
    def initialize(name, others)
      @name = name
      @heard = String.new
      @ended = false
      @line, far = UNIXSocket.pair
      parent = Process.pid
      @pid = fork { be_child(far, [@line, *others], parent) { |line| yield line } }
    ensure
      far&.close
    end

    # What the workers of a job serve.
    def self.client(job, others)
      new("the client", others) do
        job.settle(:client)
        KernelCalls.name_thread("client")
        job.serve_me
      end
    end

    # The child's side of the gate: returns when the main process has opened it.
    def self.wait_for_go(line)
      line.write(READY)
      raise Failed, "the main process is gone" unless line.read(1) == GO
    end

    # False if it ended before it was ready.
    def ready?
      line.read(1) == READY
    end

    # It may be gone; that shows when it is listened to.
    def go
      line.write(GO)
    rescue Errno::EPIPE
      nil
    end

    # Take what is there to hear; false when nothing more will come.
    def hear
      chunk = line.read_nonblock(65_536, exception: false)
      @heard << chunk if chunk.is_a?(String)
      !chunk.nil?
    rescue Errno::ECONNRESET # it died before it took what it was sent
      false
    end

    # Wait for its end. Returns what it said, or nil if it did not end well: see complaint().
    def finish
      @heard << line.read
      line.close
      _, status = Process.wait2(pid)
      @ended = true
      @complaint = "#{name} (#{pid}) #{ending(status)}" unless status.success?
      Marshal.load(@heard) unless complaint
    end

    def kill
      return if @ended

      Process.kill(:KILL, pid)
      Process.wait(pid)
      @ended = true
    end

    private

    def ending(status)
      return "was killed by signal #{status.termsig} (#{Signal.signame(status.termsig)})" if status.signaled?

      "failed with exit status #{status.exitstatus}"
    end

    # Nothing of the main process may be done twice, so this ends without its ensures and at_exits.
    def be_child(far, inherited, parent)
      KernelCalls.die_with(parent)
      inherited.each(&:close)
      far.write(Marshal.dump(yield(far)))
      exit!(0)
    rescue StandardError, ScriptError, NoMemoryError => e
      Output.say("#{name} failed: #{Output.explain(e)}")
      exit!(6)
    end
  end
end
