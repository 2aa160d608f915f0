# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# frozen_string_literal: true

require_relative "job"
require_relative "kernel_calls"

module ConvoyWork
  # Workers map, touch and unmap memory. Threads share one address space, and with it the
  # kernel's lock of its mappings; processes have one each.
  #
  # Fiddle gives Ruby's own lock up around a call. Touching is none.
  class Pages < Job
    PAGES = 64 # in one round
    SIZE = PAGES * KernelCalls::PAGE

    def task(index)
      task_of("pages-#{index + 1}", params.work * PAGES) { pages(params.work) }
    end

    def judge(run)
      touched = run.outcomes.sum(&:result)
      { "pages" => touched }.merge(rate("pages_per_s", touched, run.wall_ns))
    end

    private

    def pages(rounds)
      fresh = 0
      rounds.times do
        memory = KernelCalls.map(SIZE)
        PAGES.times { |page| fresh += 1 if touch(memory, page * KernelCalls::PAGE) }
        KernelCalls.unmap(memory, SIZE)
      end
      fresh
    end

    # Was the page fresh? Written before it is read, or there would be two faults: so what is
    # looked at is the mark beside, which the one before would have left.
    def touch(memory, at)
      memory[at] = 1
      fresh = memory[at + 1].zero?
      memory[at + 1] = 1
      fresh
    end
  end
end
