# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# frozen_string_literal: true

module ConvoyWork
  # One call of a method of the job's.
  Task = Struct.new(:name, :expected, :min_ns, :body) do
    def call
      body.call
    end
  end

  # What all jobs have in common. A job that has no client and shares nothing between its
  # workers defines only task().
  class Job
    attr_reader :params

    # In the main process, before there is any worker.
    def initialize(params)
      @params = params
    end

    def tasks
      count = Catalog::JOBS.fetch(params.job).tasks || params.workers
      Array.new(count) { |index| task(index) }
    end

    def between_processes?
      params.mode == "processes"
    end

    # Does it have what its workers serve? Then serve_me() runs in a process of its own, which is
    # no worker, and what it returns comes back to heard().
    def client?
      false
    end

    # This process does the work of the worker with this index, of :client, or of none (nil).
    def settle(_who); end

    # All tasks are done. Yields what is wrong with the results as a whole; returns the metrics.
    def judge(_run)
      {}
    end

    private

    def task_of(name, expected, min_ns: 0, &body)
      Task.new(name, expected, min_ns, body)
    end

    def count_down(number)
      while number > 0 # not positive?: that is a call of a method
        number -= 1
      end
      number
    end

    # { name => how often a second something happened }, or nothing for no time at all.
    def rate(name, times, duration_ns)
      duration_ns.positive? ? { name => times * 1e9 / duration_ns } : {}
    end

    # Exactly, not rounded to a float's seconds.
    def sleep_ns(duration_ns)
      sleep(Rational(duration_ns, 1_000_000_000))
    end
  end
end
