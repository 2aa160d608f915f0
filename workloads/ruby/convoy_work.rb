# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# frozen_string_literal: true

# The bundled jobs of convoy in Ruby: one job in one mode, once, as convoy-work does it.
# Only the standard library; Ruby 2.7 or later. docs/workloads.md tells what the jobs are.

if (RUBY_VERSION.split(".").map { |part| part.to_i } <=> [2, 7]) < 0
  $stderr.puts("convoy_work.rb: Ruby #{RUBY_VERSION} is too old: use 2.7 or later")
  exit(2)
end

begin
  require_relative "main"
rescue LoadError, StandardError => e # it may lack Fiddle, or the C library a function
  $stderr.puts("convoy_work.rb: this Ruby cannot run the jobs: #{e.message}")
  exit(6)
end

exit(ConvoyWork::Main.run(ARGV))
