# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# frozen_string_literal: true

require_relative "job"
require_relative "kernel_calls"

module ConvoyWork
  # Workers increment one shared counter under a lock. An increment reads it, works, and writes
  # it: without the lock they would be lost.
  class Counter < Job
    # Between threads.
    class ThreadCell
      attr_reader :value

      def initialize
        @mutex = Thread::Mutex.new
        @value = 0
      end

      def update
        @mutex.synchronize { @value = yield(@value) }
      end
    end

    # Between processes: shared memory, and a lock on a file that only they know.
    class ProcessCell
      SIZE = 8

      def initialize
        @memory = KernelCalls.map(KernelCalls::PAGE, KernelCalls::SHARED)
        @file = KernelCalls.memory_file("counter")
      end

      # For each process anew: a lock belongs to the opening of a file, which a fork shares.
      def reopen
        @file = File.open("/proc/self/fd/#{@file.fileno}", File::RDWR)
      end

      def value
        @memory[0, SIZE].unpack1("q")
      end

      def update
        @file.flock(File::LOCK_EX)
        @memory[0, SIZE] = [yield(value)].pack("q")
        @file.flock(File::LOCK_UN)
      end
    end

    def initialize(params)
      super
      @cell = between_processes? ? ProcessCell.new : ThreadCell.new
    end

    def settle(who)
      @cell.reopen if who && between_processes?
    end

    def task(index)
      task_of("counter-#{index + 1}", params.work) { increment(params.work) }
    end

    # The kernel, or Ruby, unlocks what its owner dies with, but then the run has failed.
    def judge(run)
      expected = params.work * params.workers
      yield("the counter is #{@cell.value}, not #{expected}") if @cell.value != expected
      { "increments" => @cell.value }
        .merge(rate("increments_per_s", @cell.value, run.wall_ns))
        .merge("locks_recovered" => 0)
    end

    private

    def increment(times)
      done = 0
      while done < times
        count_down(params.outside)
        @cell.update do |value|
          count_down(params.inside)
          value + 1
        end
        done += 1
      end
      done
    end
  end
end
