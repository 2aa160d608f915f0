# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# frozen_string_literal: true

require "etc"

module ConvoyWork
  # The jobs and modes, and what goes with what: the rows of job_rows.h, in Ruby.
  module Catalog
    Row = Struct.new(
      :default_work, :max_work, :work_unit, # nil: the job takes no -n
      :seeded,
      :default_inside, :default_outside, # nil: neither applies
      :default_workers, # nil: as many as CPUs, at least 2
      :min_workers, :too_few,
      :tasks, :too_many, # nil: one for each worker
      :refusals,
      keyword_init: true
    )

    MODES = %w[serial threads processes pool].freeze
    MAX_WORKERS = 1024
    DEFAULT_SEED = 11

    JOBS = {
      "countdown" => Row.new(
        default_work: 12_000_000, max_work: 1_000_000_000_000, work_unit: "iterations of each worker"
      ),
      "recursion" => Row.new(
        default_workers: 3, tasks: 3,
        too_many: "recursion has three tasks (fib, fac, sum), so a fourth worker would have nothing " \
                  "to do: use at most 3 workers"
      ),
      "sleepers" => Row.new(
        default_workers: 5, tasks: 5, seeded: true,
        too_many: "sleepers has five tasks, so a sixth worker would have nothing to do: use at most " \
                  "5 workers"
      ),
      "counter" => Row.new(
        default_work: 200_000, max_work: 1_000_000_000, work_unit: "increments of each worker",
        default_inside: 50, default_outside: 50
      ),
      "mixed" => Row.new(
        default_work: 100, max_work: 1_000_000,
        work_unit: "requests, for each of which every other worker counts down 600000",
        min_workers: 2,
        too_few: "mixed needs one worker for the requests and one that computes beside it: use at " \
                 "least 2 workers"
      ),
      "queue" => Row.new(
        default_work: 50_000, max_work: 1_000_000_000, work_unit: "messages to each worker that answers",
        default_workers: 3, min_workers: 2,
        too_few: "queue needs one worker that feeds and one that answers: use at least 2 workers",
        refusals: {
          "serial" => "one thread cannot wait for answers that only it could give: queue needs a " \
                      "mode with several workers"
        }
      ),
      "pages" => Row.new(
        default_work: 2000, max_work: 1_000_000_000, work_unit: "rounds of 64 pages of each worker"
      )
    }.freeze

    # How many workers the job has when nobody says.
    def self.workers(job)
      row = JOBS.fetch(job)
      [row.default_workers || [Etc.nprocessors, 2].max, MAX_WORKERS].min
    end

    # Why this job cannot run so: a sentence for the user, or nil when it can.
    def self.refusal(job, mode, workers)
      row = JOBS.fetch(job)
      if workers > MAX_WORKERS
        "so many workers would measure the creation of threads and processes, not their work: " \
          "use at most #{MAX_WORKERS} workers"
      elsif row.tasks && workers > row.tasks
        row.too_many
      elsif mode == "pool"
        "Ruby's standard library has no pool of processes: use mode processes"
      elsif workers < (row.min_workers || 1)
        row.too_few
      else
        (row.refusals || {})[mode] || unable_to_fork(job, mode)
      end
    end

    # JRuby and TruffleRuby have threads only.
    def self.unable_to_fork(job, mode)
      return if Process.respond_to?(:fork)
      return "this Ruby cannot fork: use modes serial and threads" if mode == "processes"

      "this Ruby cannot fork, and the client of mixed is a process of its own" if job == "mixed"
    end
    private_class_method :unable_to_fork
  end
end
