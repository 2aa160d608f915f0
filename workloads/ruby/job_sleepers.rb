# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# frozen_string_literal: true

require_relative "job"

module ConvoyWork
  # Five tasks, each sleeps a random time in [0, 3) s: nothing limits them but the number of
  # workers. The times depend on the seed alone; they are those of convoy-work.
  class Sleepers < Job
    MAX_SLEEP_MS = 3000
    MASK = 0xffff_ffff_ffff_ffff

    def task(index)
      ms = (random_number(params.seed, index) >> 32) * MAX_SLEEP_MS >> 32
      pause = (ms * 1_000_000 * params.sleep_scale + 0.5).to_i
      task_of("sleep-#{index + 1}", ms, min_ns: pause) do
        sleep_ns(pause)
        ms
      end
    end

    private

    # SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators).
    def random_number(seed, index)
      z = (seed + (index + 1) * 0x9e3779b97f4a7c15) & MASK
      z = ((z ^ (z >> 30)) * 0xbf58476d1ce4e5b9) & MASK
      z = ((z ^ (z >> 27)) * 0x94d049bb133111eb) & MASK
      z ^ (z >> 31)
    end
  end
end
