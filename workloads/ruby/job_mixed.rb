# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# frozen_string_literal: true

require "socket"
require_relative "job"
require_relative "kernel_calls"

module ConvoyWork
  # A server beside computing: the convoy effect. Worker-1 answers requests, one after another,
  # over a pair of sockets; all others count down. Whenever it comes back from its socket, a
  # thread that computes has Ruby's lock.
  #
  # The client is a process in every mode: as a thread it would want that lock, too. Between an
  # answer and the next request it pauses, or it would find the server with the lock still in
  # its hands.
  class Mixed < Job
    COMPUTE = 600_000 # for each request, by each of the others
    PER_REQUEST = 100 # iterations of the server
    PAUSE_NS = 1_000_000
    SIZE = 8

    def initialize(params)
      super
      @server, @client = UNIXSocket.pair(:SEQPACKET)
      @exchanges = []
    end

    def task(index)
      return task_of("requests", params.work) { serve(params.work) } if index.zero?

      task_of("countdown-#{index}", 0) { count_down(params.work * COMPUTE) }
    end

    def client?
      true
    end

    # With each end in one process only, the other end sees when that is gone.
    def settle(who)
      @server.close unless who.is_a?(Integer) && who.zero?
      @client.close unless who == :client
    end

    # In the client's process: when each request was sent and answered.
    def serve_me
      receive(@client) # the server is there
      Array.new(params.work) do |number|
        sleep_ns(PAUSE_NS)
        sent = KernelCalls.now
        transmit(@client, number)
        answer = receive(@client)
        raise Failed, "request #{number} has a wrong answer" unless answer == number + 1

        [sent, KernelCalls.now]
      end
    end

    def heard(exchanges)
      @exchanges = exchanges
    end

    def judge(run)
      latencies = @exchanges.map { |sent, answered| answered - sent }.sort
      { "requests" => params.work }
        .merge(rate("requests_per_s", params.work, @exchanges.last[1] - @exchanges.first[0]))
        .merge("latency_p50_ns" => percentile(latencies, 50), "latency_p99_ns" => percentile(latencies, 99),
               "latency_max_ns" => latencies.last, "requests_beside_computing" => beside(run))
    end

    private

    def serve(count)
      transmit(@server, 0)
      count.times do
        question = receive(@server)
        count_down(PER_REQUEST)
        transmit(@server, question + 1)
      end
      count
    end

    def receive(socket)
      message = socket.recv(SIZE)
      raise Errno::EPIPE if message.nil? || message.empty? # which of them depends on the Ruby

      message.unpack1("q")
    rescue Errno::EPIPE, Errno::ECONNRESET
      raise Failed, "the other end is gone"
    end

    def transmit(socket, number)
      socket.send([number].pack("q"), Socket::MSG_NOSIGNAL)
    rescue Errno::EPIPE
      raise Failed, "the other end is gone"
    end

    # The smallest value that at least this share of all do not exceed.
    def percentile(sorted, percent)
      sorted[(sorted.size * percent + 99) / 100 - 1]
    end

    # Requests of which every moment was beside some computing.
    def beside(run)
      computing = run.outcomes.drop(1)
      from = computing.map(&:start_ns).min
      to = computing.map(&:end_ns).max
      @exchanges.count { |sent, answered| sent >= from && answered <= to }
    end
  end
end
