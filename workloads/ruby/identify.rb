# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# frozen_string_literal: true

require "json"
require "rbconfig"

module ConvoyWork
  # Which Ruby this is, for convoy, which believes no file name.
  module Identify
    IMPLEMENTATIONS = {
      "ruby" => "CRuby", "truffleruby" => "TruffleRuby", "jruby" => "JRuby"
    }.freeze

    def self.json
      JSON.generate(
        "schema" => "convoy.interpreter/1",
        "implementation" => IMPLEMENTATIONS.fetch(RUBY_ENGINE, RUBY_ENGINE),
        "name" => RUBY_ENGINE + RUBY_ENGINE_VERSION[/\A\d+\.\d+/].to_s,
        "version" => RUBY_ENGINE_VERSION,
        "executable" => RbConfig.ruby
      )
    end
  end
end
