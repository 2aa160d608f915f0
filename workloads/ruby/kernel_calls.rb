# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# frozen_string_literal: true

require "etc"
require "fiddle"

module ConvoyWork
  # What the kernel offers and Ruby has no method for.
  module KernelCalls
    PAGE = Etc.sysconf(Etc::SC_PAGESIZE)

    # Of <sys/mman.h> and <sys/prctl.h>, the same on all architectures but MIPS, PA-RISC and Alpha.
    READ_WRITE = 3
    SHARED = 0x21 # and anonymous
    PRIVATE = 0x22
    CLOSE_ON_EXEC = 1
    SET_PDEATHSIG = 1
    SIGKILL = 9

    LIBC = Fiddle.dlopen(nil)
    MMAP = Fiddle::Function.new(
      LIBC["mmap"],
      [Fiddle::TYPE_VOIDP, Fiddle::TYPE_SIZE_T, Fiddle::TYPE_INT, Fiddle::TYPE_INT, Fiddle::TYPE_INT,
       Fiddle::TYPE_LONG],
      Fiddle::TYPE_VOIDP
    )
    MUNMAP = Fiddle::Function.new(
      LIBC["munmap"], [Fiddle::TYPE_VOIDP, Fiddle::TYPE_SIZE_T], Fiddle::TYPE_INT
    )
    PRCTL = Fiddle::Function.new(
      LIBC["prctl"], [Fiddle::TYPE_INT] + [Fiddle::TYPE_LONG] * 4, Fiddle::TYPE_INT
    )
    MEMFD_CREATE = Fiddle::Function.new(
      LIBC["memfd_create"], [Fiddle::TYPE_VOIDP, Fiddle::TYPE_INT], Fiddle::TYPE_INT
    )
    private_constant :LIBC, :MMAP, :MUNMAP, :PRCTL, :MEMFD_CREATE

    module_function

    # Fresh memory, zeroed, as a Fiddle::Pointer that frees nothing.
    def map(size, flags = PRIVATE)
      memory = MMAP.call(nil, size, READ_WRITE, flags, -1, 0)
      raise SystemCallError.new("mmap", Fiddle.last_error) if memory == Fiddle::Pointer.new(-1)

      memory
    end

    def unmap(memory, size)
      raise SystemCallError.new("munmap", Fiddle.last_error) unless MUNMAP.call(memory, size).zero?
    end

    # A file without a name, that is gone with the last process that has it open.
    def memory_file(name)
      number = MEMFD_CREATE.call(name, CLOSE_ON_EXEC)
      raise SystemCallError.new("memfd_create", Fiddle.last_error) if number.negative?

      File.for_fd(number, File::RDWR)
    end

    # When this process's parent ends, however it does, this one ends too.
    def die_with(parent)
      raise SystemCallError.new("prctl", Fiddle.last_error) unless PRCTL.call(SET_PDEATHSIG, SIGKILL, 0, 0, 0).zero?

      # If it had ended before that call, no signal will come.
      raise Failed, "the main process is gone" unless Process.ppid == parent
    end

    # Thread#native_thread_id is not for this: Ruby 2.7 and 3.0 have none, and after a fork that
    # of 3.1 is still the parent's.
    def thread_id
      File.readlink("/proc/thread-self")[/\d+\z/].to_i
    end

    def name_thread(name)
      File.write("/proc/thread-self/comm", name)
    end

    # The scheduler's own account of the calling thread: [run_ns, run_delay_ns]; nil where the
    # kernel keeps none.
    def schedstat
      File.read("/proc/thread-self/schedstat").split.first(2).map { |ns| Integer(ns, 10) }
    rescue Errno::ENOENT
      nil
    end

    # The clock of the probes.
    def now
      Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)
    end
  end
end
