# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# frozen_string_literal: true

require "json"
require_relative "catalog"

module ConvoyWork
  # What goes to the standard streams.
  module Output
    SCHEMA = "convoy.work/1"

    module_function

    # One line on standard error, in one piece; nil. Text from outside must not control the terminal.
    def say(text)
      line = "convoy_work.rb: #{text}".scrub("?").gsub(/[[:cntrl:]]/, "?")
      $stderr.sync = true
      $stderr.write("#{line}\n")
      nil
    rescue SystemCallError, IOError
      nil # there is nobody left to tell
    end

    # An error that was not foreseen says where it comes from, too.
    def explain(error)
      return error.message if error.is_a?(Failed)

      "#{error.message} (#{error.class}, #{error.backtrace&.first})"
    end

    def json(run, metrics)
      params = run.params
      JSON.pretty_generate(
        "schema" => SCHEMA, "job" => params.job, "mode" => params.mode, "workers" => params.workers,
        "work" => params.work, "params" => params_json(params),
        "start_ns" => run.start_ns, "end_ns" => run.end_ns, "wall_ns" => run.wall_ns,
        "tasks" => run.tasks.each_index.map { |number| task_json(run, number) },
        "threads" => run.records.map { |record| thread_json(record) },
        "metrics" => metrics, "ok" => run.ok?
      )
    end

    def params_json(params)
      row = Catalog::JOBS.fetch(params.job)
      {
        "sleep_scale" => params.sleep_scale, "seed" => row.seeded ? params.seed : nil,
        "inside" => row.default_inside && params.inside,
        "outside" => row.default_outside && params.outside,
        "start" => "fork", "yield_every" => nil, "check_interval" => nil,
        "switch_interval_ms" => nil, "cpus" => nil
      }
    end

    def task_json(run, number)
      record = run.record_of(number)
      outcome = record.outcomes[number]
      {
        "name" => run.tasks[number].name, "worker" => record.worker, "pid" => record.pid,
        "tid" => record.tid, "start_ns" => outcome.start_ns, "end_ns" => outcome.end_ns,
        "result" => outcome.result.to_s, "ok" => outcome.ok
      }
    end

    # Ruby counts no instructions, and knows nothing of the waits for its lock.
    def thread_json(record)
      {
        "worker" => record.worker, "pid" => record.pid, "tid" => record.tid,
        "start_ns" => record.start_ns, "end_ns" => record.end_ns, "instructions" => nil,
        "lock" => nil, "job_lock" => nil, "schedstat" => record.schedstat
      }
    end
  end
end
