# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# frozen_string_literal: true

require_relative "job"

module ConvoyWork
  # The classic benchmark of a global lock: it only computes, so nothing else can stand in the
  # way of two threads.
  class Countdown < Job
    def task(index)
      task_of("countdown-#{index + 1}", 0) { count_down(params.work) }
    end
  end
end
