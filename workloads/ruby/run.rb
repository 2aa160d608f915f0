# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# frozen_string_literal: true

require_relative "job_countdown"
require_relative "job_counter"
require_relative "job_mixed"
require_relative "job_pages"
require_relative "job_queue"
require_relative "job_recursion"
require_relative "job_sleepers"
require_relative "kernel_calls"
require_relative "worker"

module ConvoyWork
  # One execution of a job in a mode: its tasks, who does them, and how it went.
  class Run
    JOBS = {
      "countdown" => Countdown, "recursion" => Recursion, "sleepers" => Sleepers,
      "counter" => Counter, "mixed" => Mixed, "queue" => Queues, "pages" => Pages
    }.freeze

    attr_reader :params, :job, :tasks, :records, :complaints, :start_ns, :end_ns

    def initialize(params)
      @params = params
      @job = JOBS.fetch(params.job).new(params)
      @tasks = @job.tasks
      @records = Array.new(params.mode == "serial" ? 1 : params.workers) { |index| Record.new(index + 1) }
      @complaints = []
    end

    def processes?
      params.mode == "processes"
    end

    def start
      @start_ns = KernelCalls.now
    end

    def finish
      @end_ns = KernelCalls.now
    end

    def wall_ns
      end_ns - start_ns
    end

    # Tasks are dealt to the workers in turn, so that it is known who does what.
    def numbers_of(index)
      tasks.each_index.select { |number| number % records.size == index }
    end

    def record_of(number)
      records[number % records.size]
    end

    def outcomes
      tasks.each_index.map { |number| record_of(number).outcomes[number] }
    end

    # All tasks are done: judge their results. Returns the metrics.
    def judge
      tasks.zip(outcomes) do |task, outcome|
        @complaints << "#{task.name} has a wrong result, or was over too soon" unless outcome.ok
      end
      job.judge(self) { |complaint| @complaints << complaint }
    end

    def ok?
      complaints.empty?
    end
  end
end
