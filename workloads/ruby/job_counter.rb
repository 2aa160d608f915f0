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

      # A Mutex whose thread ends is unlocked.
      def recovered
        0
      end

      def update
        @mutex.synchronize { @value = yield(@value) }
      end
    end

    # Between processes: shared memory, and a lock on a file that only they know. The kernel
    # unlocks it when its owner dies. Then the owner's mark is still there.
    class ProcessCell
      NUMBER = 8 # bytes
      VALUE, OWNED, RECOVERED = Array.new(3) { |index| index * NUMBER }

      def initialize
        @memory = KernelCalls.map(KernelCalls::PAGE, KernelCalls::SHARED)
        @file = KernelCalls.memory_file("counter")
      end

      # For each process anew: a lock belongs to the opening of a file, which a fork shares.
      def reopen
        @file = File.open("/proc/self/fd/#{@file.fileno}", File::RDWR)
      end

      def value
        read(VALUE)
      end

      def recovered
        read(RECOVERED)
      end

      def update
        @file.flock(File::LOCK_EX)
        write(RECOVERED, recovered + 1) unless read(OWNED).zero?
        write(OWNED, 1)
        write(VALUE, yield(value))
        write(OWNED, 0)
        @file.flock(File::LOCK_UN)
      end

      private

      def read(at)
        @memory[at, NUMBER].unpack1("q")
      end

      def write(at, number)
        @memory[at, NUMBER] = [number].pack("q")
      end
    end

    def initialize(params)
      super
      @cell = between_processes? ? ProcessCell.new : ThreadCell.new
    end

    def goes_on?
      true
    end

    def settle(who)
      @cell.reopen if who && between_processes?
    end

    def task(index)
      task_of("counter-#{index + 1}", params.work) { increment(params.work) }
    end

    def judge(run, whole)
      expected = params.work * params.workers
      yield("the counter is #{@cell.value}, not #{expected}") if whole && @cell.value != expected
      { "increments" => @cell.value }
        .merge(rate("increments_per_s", @cell.value, run.wall_ns))
        .merge("locks_recovered" => @cell.recovered)
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
