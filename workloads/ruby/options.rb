# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# frozen_string_literal: true

require "optparse"
require_relative "catalog"

module ConvoyWork
  Params = Struct.new(:job, :mode, :workers, :work, :sleep_scale, :seed, :inside, :outside, :verbose,
                      keyword_init: true)

  # The command line, every value of it checked. It is that of convoy-work, where it applies.
  class Options
    Bad = Class.new(StandardError)

    MAX_COUNT = 1_000_000_000_000
    MAX_SEED = 4_294_967_295
    MAX_LOCK_WORK = 1_000_000_000
    MAX_WORKERS = 4_294_967_295 # what is too many for a job is said by the catalog
    DECIMAL = /\A(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\z/.freeze

    attr_reader :params, :identify

    def self.parse(argv)
      new.parse(argv)
    end

    def initialize
      @params = Params.new(sleep_scale: 1.0, seed: Catalog::DEFAULT_SEED, verbose: false)
      @identify = false
    end

    def parse(argv)
      rest = parser.parse(argv)
      raise Bad, "'#{rest.first}' is not an option; see --help" unless rest.empty?

      check unless identify
      self
    rescue OptionParser::ParseError => e
      raise Bad, "#{e.message}; see --help"
    end

    private

    def parser
      OptionParser.new do |parser|
        parser.banner = "Run one job in one mode, once, and print the results as JSON.\n\n" \
                        "Usage: convoy_work.rb -j JOB -m MODE [OPTION...]"
        add_work(parser)
        add_details(parser)
        parser.base.long.delete("version") # the usual one: this program has none
      end
    end

    def add_work(parser)
      parser.on("-j", "--job JOB", "What work to do: #{Catalog::JOBS.keys.join(', ')}") do |text|
        params.job = known("job", text, Catalog::JOBS.keys)
      end
      parser.on("-m", "--mode MODE", "How to run it: #{Catalog::MODES.join(', ')}") do |text|
        params.mode = known("mode", text, Catalog::MODES)
      end
      parser.on("-w", "--workers N", "Workers; default: the job's") do |text|
        params.workers = count("-w", text, 1..MAX_WORKERS)
      end
      parser.on("-n", "--work WORK", "Work of each worker; default: the job's") do |text|
        params.work = count("-n", text, 1..MAX_COUNT)
      end
    end

    def add_details(parser)
      parser.on("--sleep-scale F", "Multiply the sleeps of the job by F (1)") do |text|
        params.sleep_scale = real("--sleep-scale", text, 0..1000)
      end
      parser.on("--seed N", "Random times of the job: the same for the same N (11)") do |text|
        params.seed = count("--seed", text, 0..MAX_SEED)
      end
      parser.on("--inside N", "Iterations of work with the job's lock held") do |text|
        params.inside = count("--inside", text, 0..MAX_LOCK_WORK)
      end
      parser.on("--outside N", "Iterations of work without it, between two times") do |text|
        params.outside = count("--outside", text, 0..MAX_LOCK_WORK)
      end
      parser.on("--start fork", "How processes are started: only by fork") { |text| check_start(text) }
      parser.on("--check-interval N", "Without effect: Ruby has no such knob") do |text|
        count("--check-interval", text, 1..MAX_COUNT)
      end
      parser.on("--switch-interval MS", "Without effect: Ruby has no such knob") do |text|
        real("--switch-interval", text, 0.001..60_000)
      end
      parser.on("-v", "--verbose", "Log the start and finish of each task") { params.verbose = true }
      parser.on("--identify", "Say which Ruby this is") { @identify = true }
    end

    def known(what, text, names)
      return text if names.include?(text)

      hint = text.start_with?("gil-") ? ": Ruby brings a lock of its own, so use mode threads" : ""
      raise Bad, "there is no #{what} '#{text}'#{hint.empty? ? '; --help shows them' : hint}"
    end

    def count(option, text, range)
      value = text.match?(/\A\d+\z/) ? text.to_i : -1
      return value if range.cover?(value)

      raise Bad, "#{option}: '#{text}' is not a whole number from #{range.min} to #{range.max}"
    end

    def real(option, text, range)
      value = text.match?(DECIMAL) ? text.to_f : -1.0
      return value if range.cover?(value)

      raise Bad, "#{option}: '#{text}' is not a number from #{range.begin} to #{range.end}"
    end

    def check_start(text)
      return if text == "fork"
      raise Bad, "--start: '#{text}' is not fork or spawn" unless text == "spawn"

      raise Bad, "--start=spawn: Ruby forks its workers; its standard library has nothing that starts " \
                 "them as new programs: use --start=fork"
    end

    # What only the options together show.
    def check
      raise Bad, "say what to run and how: -j JOB -m MODE; --help shows them" unless params.job && params.mode

      row = Catalog::JOBS.fetch(params.job)
      check_work(row)
      params.inside ||= row.default_inside
      params.outside ||= row.default_outside
      params.workers ||= Catalog.workers(params.job)
      refusal = Catalog.refusal(params.job, params.mode, params.workers)
      raise Bad, refusal if refusal
    end

    def check_work(row)
      if params.work && !row.work_unit
        raise Bad, "-n: the work of #{params.job} is fixed; leave -n out"
      elsif params.work && params.work > row.max_work
        raise Bad, "-n: at most #{row.max_work} #{row.work_unit}; use a smaller number"
      end
      params.work ||= row.default_work
    end
  end
end
