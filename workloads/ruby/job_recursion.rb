# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# frozen_string_literal: true

require_relative "job"

module ConvoyWork
  # fib(12), fac(12) and sum(12), recursive; each call sleeps first. Threads gain by waiting
  # together, whatever lock they share: the negative control of countdown.
  class Recursion < Job
    Row = Struct.new(:function, :sleep_ms, :calls, :result)
    ROWS = [
      Row.new(:fib, 5, 465, 233), Row.new(:fac, 100, 12, 479_001_600), Row.new(:sum, 100, 12, 78)
    ].freeze

    def task(index)
      row = ROWS[index]
      pause = (row.sleep_ms * 1_000_000 * params.sleep_scale + 0.5).to_i
      task_of("#{row.function}(12)", row.result, min_ns: row.calls * pause) { send(row.function, 12, pause) }
    end

    private

    def fib(number, pause)
      sleep_ns(pause)
      number < 2 ? 1 : fib(number - 1, pause) + fib(number - 2, pause)
    end

    def fac(number, pause)
      sleep_ns(pause)
      number < 2 ? 1 : number * fac(number - 1, pause)
    end

    def sum(number, pause)
      sleep_ns(pause)
      number < 2 ? 1 : number + sum(number - 1, pause)
    end
  end
end
