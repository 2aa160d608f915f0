# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# frozen_string_literal: true

require_relative "child"
require_relative "worker"

module ConvoyWork
  # One process for each worker. The main process opens the gate for them and watches them: when
  # one ends badly, wherever it was, it kills the others.
  class ProcessMode
    def initialize(run)
      @run = run
      @job = run.job
      @children = []
    end

    # True when there are results to judge, good or bad.
    def execute
      @run.begin
      workers = @run.records.each_index.map { |index| start_worker(index) }
      client = start_client if @job.client?
      @job.settle(nil)
      return false unless open_gate(workers)

      heard = listen
      return false unless heard

      workers.each_with_index { |worker, index| take(index, worker, heard[worker]) }
      @job.heard(heard[client]) if client
      @run.end
      true
    ensure
      @children.each(&:kill)
    end

    private

    def start(name)
      child = Child.new(name, @children.map(&:line)) { |line| yield line }
      @children << child
      child
    rescue SystemCallError => e
      raise Failed, "cannot start process #{@children.size + 1} of #{@run.records.size}: #{e.message}; " \
                    "use fewer workers (-w)"
    end

    def start_worker(index)
      start("worker-#{index + 1}") do |line|
        @job.settle(index)
        worker = Worker.new(@run, index)
        worker.work { Child.wait_for_go(line) }
        worker.record
      end
    end

    def start_client
      start("the client") do
        @job.settle(:client)
        KernelCalls.name_thread("client")
        @job.serve_me
      end
    end

    def open_gate(workers)
      dead = workers.find { |worker| !worker.ready? }
      return workers.each(&:go) unless dead

      dead.finish
      Output.say(dead.complaint)
      false
    end

    # Until all have ended: { child => what it said }. Nil after a message if one ended badly and
    # the others cannot go on without it.
    def listen
      heard = {}
      until heard.size == @children.size
        lines = (@children - heard.keys).to_h { |child| [child.line, child] }
        IO.select(lines.keys).first.each do |line|
          child = lines[line]
          next if child.hear

          heard[child] = child.finish
          return Output.say(child.complaint) unless heard[child] || @job.goes_on?
        end
      end
      heard
    end

    # What it said of itself, or how it died.
    def take(index, worker, record)
      return @run.records[index] = record if record

      @run.records[index].error = worker.complaint
      @run.records[index].pid = @run.records[index].tid = worker.pid
    end
  end
end
