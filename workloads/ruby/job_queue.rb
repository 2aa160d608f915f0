# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# frozen_string_literal: true

require_relative "job"

module ConvoyWork
  # A producer feeds workers, who answer. It runs at most WINDOW messages ahead of the answers,
  # so that neither waits for room in both queues at once. What a message costs is the point.
  class Queues < Job
    WINDOW = 64
    ROOM = WINDOW / 4 # so that the producer has to wait for room too

    # Between threads.
    class ThreadQueue < Thread::SizedQueue
      alias put push
      alias get pop
    end

    # Between processes. The kernel keeps messages of this size whole, so any number of workers
    # may read and write.
    class ProcessQueue
      SIZE = 8

      def initialize
        @reader, @writer = IO.pipe.each(&:binmode)
      end

      def put(number)
        @writer.write([number].pack("q"))
      end

      def get
        message = @reader.readpartial(SIZE)
        raise Failed, "a message of #{message.bytesize} bytes" unless message.bytesize == SIZE

        message.unpack1("q")
      end
    end

    def initialize(params)
      super
      @questions = between_processes? ? ProcessQueue.new : ThreadQueue.new(ROOM)
      @answers = between_processes? ? ProcessQueue.new : ThreadQueue.new(WINDOW)
    end

    def task(index)
      return task_of("answer-#{index}", params.work) { answer(params.work) } if index.positive?

      # The sum of the first odd numbers is a square.
      task_of("produce", messages * messages) { produce(messages) }
    end

    def judge(run)
      produce = run.outcomes.first
      { "messages" => messages }.merge(rate("messages_per_s", messages, produce.end_ns - produce.start_ns))
    end

    private

    def messages
      params.work * (params.workers - 1)
    end

    def produce(count)
      sent = done = sum = 0
      while done < count
        if sent < count && sent < done + WINDOW
          @questions.put(sent)
          sent += 1
        else
          sum += @answers.get
          done += 1
        end
      end
      sum
    end

    def answer(count)
      count.times { @answers.put(2 * @questions.get + 1) }
      count
    end
  end
end
