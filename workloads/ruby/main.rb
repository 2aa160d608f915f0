# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# frozen_string_literal: true

require_relative "identify"
require_relative "mode_processes"
require_relative "mode_threads"
require_relative "options"
require_relative "output"
require_relative "run"

module ConvoyWork
  module Main
    OK = 0
    USAGE = 2
    FAILED = 6

    def self.run(argv)
      use_default_signals
      options = Options.parse(argv)
      return print_line(Identify.json) if options.identify

      execute(Run.new(options.params))
    rescue Options::Bad => e
      Output.say(e.message)
      USAGE
    rescue StandardError, ScriptError, NoMemoryError => e
      Output.say(Output.explain(e))
      FAILED
    end

    # A signal ends the process there and then, as it does convoy-work. Ruby's own way would
    # be an exception in a thread that may have to wait for its turn first.
    def self.use_default_signals
      %w[HUP INT QUIT TERM].each do |signal|
        trap(signal, "IGNORE") if trap(signal, "SYSTEM_DEFAULT") == "IGNORE"
      end
      # Inherited as ignored, it would make wait() lose the workers' ends.
      trap("CHLD", "DEFAULT")
    end

    def self.execute(run)
      mode = run.processes? ? ProcessMode.new(run) : ThreadMode.new(run)
      return FAILED unless mode.execute

      metrics = run.judge
      status = print_line(Output.json(run, metrics))
      run.complaints.each { |complaint| Output.say(complaint) }
      run.ok? ? status : FAILED
    end

    def self.print_line(text)
      $stdout.sync = true
      $stdout.write(text, "\n")
      OK
    rescue SystemCallError, IOError => e
      Output.say("cannot write to standard output: #{e.message}")
      FAILED
    end

    private_class_method :use_default_signals, :execute, :print_line
  end
end
