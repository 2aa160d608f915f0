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

    # True when there are results to judge; false after a message.
    def execute
      @run.start
      workers = @run.records.each_index.map { |index| start_worker(index) }
      client = start { |others| Child.client(@job, others) } if @job.client?
      @job.settle(nil)
      return false unless open_gate(workers)

      heard = listen or return false
      workers.each_with_index { |worker, index| @run.records[index] = heard[worker] }
      @job.heard(heard[client]) if client
      @run.finish
      true
    ensure
      @children.each(&:kill)
    end

    private

    def start
      @children << yield(@children.map(&:line))
      @children.last
    rescue SystemCallError => e
      raise Failed, "cannot start process #{@children.size + 1} of #{@run.records.size}: #{e.message}; " \
                    "use fewer workers (-w)"
    end

    def start_worker(index)
      start do |others|
        Child.new("worker-#{index + 1}", others) do |line|
          @job.settle(index)
          worker = Worker.new(@run, index)
          worker.work { Child.wait_for_go(line) }
          worker.record
        end
      end
    end

    def open_gate(workers)
      dead = workers.find { |worker| !worker.ready? }
      return workers.each(&:go) unless dead

      dead.finish
      Output.say(dead.complaint)
      false
    end

    # Until all have ended: { child => what it said }. Nil after a message if one ended badly.
    def listen
      heard = {}
      until heard.size == @children.size
        lines = (@children - heard.keys).to_h { |child| [child.line, child] }
        IO.select(lines.keys).first.each do |line|
          child = lines[line]
          next if child.hear

          heard[child] = child.finish
          return Output.say(child.complaint) unless heard[child]
        end
      end
      heard
    end
  end
end
